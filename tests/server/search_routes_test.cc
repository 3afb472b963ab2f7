// The routes of a served index, over a real one of a small folder; JSON in and out.
#include "server/search_routes.h"

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../base/temporary.h"
#include "fake_service.h"
#include "server/mcp_route.h"
#include "server/routes.h"
#include "server/search_service.h"

namespace lode::server {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class SearchRoutesTest : public ::testing::Test {
 protected:
  SearchRoutesTest() {
    folder_.write("top/auth/session.py", "class Session:\n    def check_token(self, token):\n        return token\n");
    folder_.write("top/auth/login.py", "def login(user):\n    return Session().check_token(user)\n");
    folder_.write("top/guide.md", "# Guide\n\nThe session token is checked.\n");
    folder_.write("other/a.go", "package a\n\nfunc CheckToken(t string) string { return t }\n");
    folder_.write("secret.txt", "the launch code\n");
    EXPECT_TRUE(models_.add("nvidia/nv-embed-v1", model_));
  }

  void serve(const std::vector<std::string>& folders) {
    auto library = std::make_unique<search::Library>(std::chrono::seconds(30));
    for (const std::string& name : folders) {
      search::LiveIndexOptions options{.index = folder_.path() / ("index-" + name),
                                       .root = {.folder = canonical(folder_.path() / name).string(), .revision = ""}};
      library->add(std::make_unique<search::LiveIndex>(std::move(options)));
    }
    service_ = std::make_unique<SearchService>(std::move(library), "9.9");
    RoutesOptions options;
    options.search = service_.get();
    options.trusted_origins = {"https://ide.example"};
    routes_ = std::make_unique<Routes>(models_, std::move(options));
  }
  Response call(const std::string& method, const std::string& target, const std::string& body = "",
                std::vector<Header> headers = {}) {
    if (!routes_) routes_ = std::make_unique<Routes>(models_, RoutesOptions());
    std::promise<Response> promise;
    routes_->handle({.method = method, .target = target, .headers = std::move(headers), .body = body},
                    [&promise](MakeResponse make) { promise.set_value(make()); });
    return promise.get_future().get();
  }
  Json answer(const std::string& target, const Json& body) {
    const Response response = call("POST", target, body.dump());
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }
  Json refusal(const std::string& target, const Json& body, int status) {
    const Response response = call("POST", target, body.dump());
    EXPECT_EQ(response.status, status) << response.body;
    const Json out = Json::parse(response.body);
    // What both families of clients read.
    EXPECT_TRUE(out["error"]["message"].is_string());
    EXPECT_EQ(out["object"], "error");
    EXPECT_TRUE(out["message"].is_string());
    return out;
  }

  test::TemporaryFolder folder_;
  FakeService model_;
  Models models_;
  std::unique_ptr<SearchService> service_;
  std::unique_ptr<Routes> routes_;
};

TEST_F(SearchRoutesTest, SearchAnswersAsTheCommandDoes) {
  serve({"top"});
  const Json found = answer("/v1/search", {{"query", "where is the session token checked"}, {"language", "py"}});
  EXPECT_EQ(found["hits"][0]["path"], "auth/session.py");
  EXPECT_EQ(found["mode"], "hybrid");
  EXPECT_EQ(found["index"]["files"], 3);
  EXPECT_EQ(found["index"]["complete"], true);
  EXPECT_EQ(found["index"]["commit"], nullptr);
  for (const char* key : {"path", "start_line", "end_line", "score", "why", "symbol", "kind", "language",
                          "snippet_line", "snippet", "copies"}) {
    EXPECT_TRUE(found["hits"][0].contains(key)) << key;
  }
  const Json exact =
      answer("/search", {{"query", "SESSION()"}, {"mode", "exact"}, {"ignore_case", true}, {"top_k", 1}});
  ASSERT_EQ(exact["hits"].size(), 1U);
  EXPECT_EQ(exact["hits"][0]["path"], "auth/login.py");
  const Json held = answer("/v1/search", {{"query", "token"}, {"kind", "class"}, {"path", {"auth/**", "!*login*"}}});
  ASSERT_EQ(held["hits"].size(), 1U);
  EXPECT_EQ(held["hits"][0]["path"], "auth/session.py");
  EXPECT_EQ(answer("/v1/search", {{"query", "token"}, {"kind", "enum"}})["hits"].size(), 0U);
  EXPECT_EQ(Json::parse(call("GET", "/v1/status").body)["indexes"], Json::parse(R"(["top"])"));
}

TEST_F(SearchRoutesTest, WhatIsWrongInABodyIsToldWithItsPlace) {
  serve({"top"});
  EXPECT_EQ(refusal("/v1/search", Json::object(), 400)["detail"]["loc"], Json::parse(R"(["body","query"])"));
  EXPECT_EQ(refusal("/v1/search", {{"query", " "}}, 400)["error"]["param"], "query");
  EXPECT_EQ(refusal("/v1/search", {{"query", 3}}, 400)["detail"]["type"], "string_type");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"mode", "fuzzy"}}, 400)["error"]["param"], "mode");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"top_k", 0}}, 400)["detail"]["type"], "greater_than_equal");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"top_k", 1001}}, 400)["detail"]["type"], "less_than_equal");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"language", {"py", "klingon"}}}, 400)["detail"]["loc"][2], 1);
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"kind", "verb"}}, 400)["error"]["param"], "kind");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"ignore_case", "yes"}}, 400)["error"]["param"], "ignore_case");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}, {"index", "none"}}, 404)["error"]["code"], "index_not_found");
  EXPECT_THAT(refusal("/v1/search", {{"query", "(["}, {"mode", "regex"}}, 400)["message"].get<std::string>(),
              HasSubstr("no regular expression"));
  const Json pattern = refusal("/v1/search", {{"query", "a("}, {"mode", "regex"}}, 400);
  EXPECT_EQ(pattern["message"], "\"a(\" is no regular expression: missing ): a(");
  EXPECT_EQ(pattern["detail"], "The syntax is RE2's; the mode exact looks for the text as it is.");
  EXPECT_EQ(pattern["error"]["param"], "query");
  EXPECT_EQ(refusal("/v1/search", {{"query", "(?m)a("}, {"mode", "regex"}}, 400)["message"],
            "\"(?m)a(\" is no regular expression: missing ): (?m)a(");
  EXPECT_EQ(refusal("/v1/search", {{"query", "a**"}, {"mode", "regex"}}, 400)["message"],
            "\"a**\" is no regular expression: bad repetition operator: **");
  EXPECT_EQ(refusal("/v1/similar", {{"path", "guide.md"}}, 400)["error"]["param"], "line");
  EXPECT_EQ(refusal("/v1/similar", {{"path", "guide.md"}, {"line", 99}}, 404)["error"]["code"], "not_found");
  EXPECT_EQ(call("GET", "/v1/search").status, 405);
  EXPECT_EQ(call("POST", "/v1/search", "{").status, 400);
}

TEST_F(SearchRoutesTest, WhatIsRepeatedOfARequestIsShort) {
  const auto is_short = [](const Json& answer) { return answer.dump().size() < 8192; };
  const std::string long_text = std::string(90'000, '\x01') + "(";
  for (const std::vector<std::string>& folders : {std::vector<std::string>{"top"}, {"top", "other"}}) {
    serve(folders);
    EXPECT_TRUE(is_short(refusal("/v1/search", {{"query", "a"}, {"index", long_text}}, 404)));
    EXPECT_TRUE(is_short(refusal("/v1/search", {{"query", long_text}, {"mode", "regex"}}, 400)));
    EXPECT_TRUE(is_short(refusal("/v1/search", {{"query", "a"}, {"mode", long_text}}, 400)));
    EXPECT_TRUE(is_short(refusal("/v1/search", {{"query", "a"}, {"language", long_text}}, 400)));
    EXPECT_TRUE(is_short(refusal("/v1/search", {{"query", "a"}, {"kind", {"class", long_text}}}, 400)));
    for (const char* start : {"", "/", "../", "top/", "other/"}) {
      EXPECT_TRUE(is_short(refusal("/v1/similar", {{"path", start + long_text}, {"line", 1}}, 404))) << start;
    }
  }
  const auto tool = [&](const std::string& name, const Json& arguments) {
    return answer("/mcp", {{"jsonrpc", "2.0"},
                           {"id", 1},
                           {"method", "tools/call"},
                           {"params", {{"name", name}, {"arguments", arguments}}}});
  };
  EXPECT_TRUE(is_short(answer("/mcp", {{"jsonrpc", "2.0"}, {"id", 1}, {"method", long_text}})));
  EXPECT_TRUE(is_short(tool(long_text, Json::object())));
  EXPECT_TRUE(is_short(tool("search", {{"query", "a"}, {long_text, 1}})));
  EXPECT_TRUE(is_short(tool("search", {{"query", long_text}, {"mode", "regex"}})));
  for (const char* key : {"mode", "lang", "kind", "cursor", "limit"}) {
    EXPECT_TRUE(is_short(tool("search", {{"query", "a"}, {key, long_text}}))) << key;
  }
  EXPECT_TRUE(is_short(tool("read_lines", {{"path", long_text}})));
  EXPECT_TRUE(is_short(tool("symbols", {{"path", long_text}})));
}

TEST_F(SearchRoutesTest, SimilarNamesOtherFilesAndNeverOnesOutside) {
  serve({"top"});
  const Json found = answer("/v1/similar", {{"path", "auth/login.py"}, {"line", 2}});
  EXPECT_EQ(found["mode"], "similar");
  EXPECT_EQ(found["hits"][0]["path"], "auth/session.py");
  for (const char* path : {"../secret.txt", "/etc/passwd", "nowhere.py"}) {
    const Json refused = refusal("/v1/similar", {{"path", path}, {"line", 1}}, 404);
    EXPECT_THAT(refused.dump(), Not(HasSubstr("launch")));
  }
}

TEST_F(SearchRoutesTest, SeveralFoldersAreOneAnswerOrOneOfThemByName) {
  serve({"top", "other"});
  const Json both = answer("/v1/search", {{"query", "check token"}});
  std::set<std::string> paths;
  for (const Json& hit : both["hits"]) paths.insert(hit["path"]);
  EXPECT_THAT(paths, Contains("top/auth/session.py"));
  EXPECT_THAT(paths, Contains("other/a.go"));
  EXPECT_EQ(both["index"]["folder"], nullptr);
  EXPECT_EQ(both["index"]["files"], 4);
  const Json one = answer("/v1/search", {{"query", "check token"}, {"index", "other"}});
  EXPECT_EQ(one["hits"].size(), 1U);
  EXPECT_EQ(one["index"]["files"], 1);
  const Json list = Json::parse(call("GET", "/v1/index").body);
  ASSERT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][1]["name"], "other");
  EXPECT_EQ(list["data"][1]["files"], 1);
  EXPECT_EQ(list["data"][0]["complete"], true);
}

TEST_F(SearchRoutesTest, WithoutAnIndexTheRoutesSayHowToHaveOne) {
  for (const char* target : {"/v1/search", "/v1/similar", "/mcp"}) {
    EXPECT_EQ(refusal(target, {{"query", "a"}}, 404)["error"]["code"], "no_index");
  }
  EXPECT_EQ(call("GET", "/v1/index").status, 404);
  EXPECT_THAT(call("GET", "/openapi.json").body, Not(HasSubstr("/v1/search\"")));
}

TEST_F(SearchRoutesTest, TheOpenApiDocumentHasTheRoutesOfAnIndex) {
  serve({"top"});
  const Json document = Json::parse(call("GET", "/openapi.json").body);
  std::set<std::string> documented, known;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) documented.insert(method + " " + path);
  }
  for (const RouteEntry& entry : route_table()) known.insert((entry.post ? "post " : "get ") + std::string(entry.name));
  EXPECT_EQ(documented, known);
}

TEST_F(SearchRoutesTest, TheOpenApiDocumentAllowsTheLanguagesThatAreTaken) {
  serve({"top"});
  const Json schemas = Json::parse(call("GET", "/openapi.json").body)["components"]["schemas"];
  const Json& language = schemas["SearchRequest"]["properties"]["language"]["anyOf"];
  EXPECT_EQ(language[0]["$ref"], "#/components/schemas/Language");
  EXPECT_EQ(language[1]["items"]["$ref"], "#/components/schemas/Language");
  const Json& names = schemas["Language"]["enum"];
  for (const char* name : {"markdown", "md", "go", "javascript", "c++", "tpp"}) EXPECT_THAT(names, Contains(name));
  for (const Json& name : names) answer("/v1/search", {{"query", "token"}, {"language", {name, name}}});
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST_F(SearchRoutesTest, WhileItDrainsNothingNewIsSearched) {
  serve({"top"});
  routes_->drain();
  EXPECT_EQ(refusal("/v1/search", {{"query", "a"}}, 503)["error"]["code"], "unavailable");
}

TEST_F(SearchRoutesTest, McpAnswersAMessageAndTakesANotification) {
  serve({"top"});
  const Json tools = answer("/mcp", {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/list"}});
  EXPECT_EQ(tools["result"]["tools"].size(), 5U);
  const Json found = answer("/mcp", {{"jsonrpc", "2.0"},
                                     {"id", "s"},
                                     {"method", "tools/call"},
                                     {"params", {{"name", "search"}, {"arguments", {{"query", "session token"}}}}}});
  EXPECT_EQ(found["id"], "s");
  EXPECT_EQ(found["result"]["structuredContent"]["hits"].size(), 3U);
  const Response taken = call("POST", "/mcp", R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_EQ(taken.status, 202);
  EXPECT_EQ(taken.body, "");
  EXPECT_EQ(Json::parse(call("POST", "/mcp", "nonsense").body)["error"]["code"], -32700);
  EXPECT_EQ(call("GET", "/mcp").status, 405);
  EXPECT_EQ(call("DELETE", "/mcp").status, 405);
}

TEST_F(SearchRoutesTest, McpRefusesOtherOriginsAndVersionsThatAreNotKnown) {
  serve({"top"});
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const auto status = [&](const std::string& name, const std::string& value) {
    return call("POST", "/mcp", ping, {{name, value}}).status;
  };
  EXPECT_EQ(status("Origin", "https://evil.example"), 403);
  EXPECT_EQ(status("Origin", "http://localhost.evil.example"), 403);
  EXPECT_EQ(status("Origin", "http://127.0.0.1.evil.example:80"), 403);
  EXPECT_EQ(status("Origin", "null"), 403);
  EXPECT_EQ(status("Origin", "http://localhost:3000"), 200);
  EXPECT_EQ(status("Origin", "http://127.0.0.1"), 200);
  EXPECT_EQ(status("Origin", "http://[::1]:6274"), 200);
  EXPECT_EQ(status("Origin", "https://ide.example"), 200);
  EXPECT_EQ(status("MCP-Protocol-Version", "2025-06-18"), 200);
  EXPECT_EQ(status("MCP-Protocol-Version", "1999-01-01"), 400);
  EXPECT_EQ(call("POST", "/mcp", std::string(mcp::kMostMessageBytes + 1, ' ')).status, 413);
}

TEST(SearchService, RefusesWhatIsTooMuchAndRunsWhatItTook) {
  std::promise<void> go;
  const std::shared_future<void> wait = go.get_future().share();
  std::atomic<int> n_run = 0;
  {
    SearchService service(std::make_unique<search::Library>(std::chrono::milliseconds(0)), "1",
                          {.n_threads = 1, .max_waiting = 2});
    std::promise<void> begun;
    ASSERT_TRUE(service.submit([&] {
      begun.set_value();
      wait.wait();
      ++n_run;
    }));
    begun.get_future().wait();
    EXPECT_TRUE(service.submit([&] { ++n_run; }));
    EXPECT_TRUE(service.submit([&] { ++n_run; }));
    const Status refused = service.submit([&] { ++n_run; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::overloaded);
    go.set_value();
  }
  EXPECT_EQ(n_run, 3);
}

}  // namespace
}  // namespace lode::server
