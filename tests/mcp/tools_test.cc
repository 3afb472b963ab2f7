// The tools over a real index: what is found, what is left out, what is refused, and that nothing outside is shown.
#include <algorithm>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "served_folder.h"

namespace lode::mcp {
namespace {

using Json = nlohmann::ordered_json;
using test::ServedFolder;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Tools, SearchFindsWhereTheTokenIsChecked) {
  ServedFolder served;
  served.serve(served.top());
  const Json found = served.structured("search", {{"query", "where is the session token checked?"}, {"lang", "py"}});
  EXPECT_EQ(found["hits"][0]["path"], "auth/session.py");
  EXPECT_EQ(found["hits"].size(), 2U);
  EXPECT_EQ(found["complete"], true);
  EXPECT_EQ(found["next_cursor"], nullptr);
  const Json exact = served.structured("search", {{"query", "Session()"}, {"mode", "exact"}});
  EXPECT_EQ(exact["hits"][0]["path"], "auth/login.py");
  EXPECT_EQ(exact["hits"][0]["start_line"], 2);
}

TEST(Tools, AFileThatChangesIsFoundAsItIsNow) {
  ServedFolder served;
  served.serve(served.top());
  EXPECT_EQ(served.structured("search", {{"query", "zebra"}})["hits"].size(), 0U);
  served.write("zoo.py", "def zebra():\n    return 1\n");
  EXPECT_EQ(served.structured("search", {{"query", "zebra"}})["hits"][0]["path"], "zoo.py");
  std::filesystem::remove(served.top() / "zoo.py");
  EXPECT_EQ(served.structured("search", {{"query", "zebra"}})["hits"].size(), 0U);
}

TEST(Tools, PagesFollowEachOtherWithoutGapsAndEnd) {
  ServedFolder served;
  for (int i = 0; i < 23; ++i) {
    served.write("many/f" + std::to_string(i) + ".py", "needle = " + std::to_string(i) + "\n");
  }
  served.serve(served.top());
  std::vector<std::string> paths;
  Json arguments{{"query", "needle"}, {"mode", "exact"}, {"limit", 10}};
  for (int page = 0; page < 5; ++page) {
    const Json found = served.structured("search", arguments);
    EXPECT_EQ(found["n_found"], 23);
    for (const Json& hit : found["hits"]) paths.push_back(hit["path"]);
    if (found["next_cursor"].is_null()) break;
    arguments["cursor"] = found["next_cursor"];
  }
  EXPECT_EQ(paths.size(), 23U);
  std::ranges::sort(paths);
  EXPECT_TRUE(std::ranges::adjacent_find(paths) == paths.end());
  // A cursor of one question does not go with another.
  const Json first = served.structured("search", {{"query", "needle"}, {"mode", "exact"}, {"limit", 5}});
  EXPECT_THAT(served.refusal("search", {{"query", "other"}, {"limit", 5}, {"cursor", first["next_cursor"]}}),
              HasSubstr("another question"));
}

TEST(Tools, AnAnswerKeepsToItsBudgetCutsSnippetsFirstAndLeadsToTheRest) {
  ServedFolder served;
  for (int i = 0; i < 40; ++i) {
    std::string text;
    for (int line = 0; line < 8; ++line) text += "needle and hay and more of it in a line that takes some room\n";
    served.write("many/f" + std::to_string(i) + ".txt", text + std::to_string(i) + "\n");
  }
  served.serve(served.top());
  size_t last_hits = 0;
  for (const int tokens : {200, 800, 3000, 50'000}) {
    const Json result =
        served.call("search", {{"query", "needle hay"}, {"limit", 40}, {"path", "many/**"}, {"max_tokens", tokens}});
    const Json& found = result["structuredContent"];
    const size_t most = static_cast<size_t>(tokens) * 4;
    EXPECT_LE(found.dump().size(), most) << tokens;
    EXPECT_LE(result["content"][0]["text"].get<std::string>().size(), most) << tokens;
    const size_t n_hits = found["hits"].size();
    EXPECT_GE(n_hits, std::max<size_t>(last_hits, 1));
    last_hits = n_hits;
    EXPECT_EQ(n_hits + found["hits_left_out"].get<size_t>(), 40U);
    EXPECT_EQ(found["next_cursor"].is_null(), n_hits == 40);
    // Hits go only after every snippet went.
    const bool has_snippet = !found["hits"][0]["snippet"].is_null();
    EXPECT_TRUE(n_hits == 40 || !has_snippet) << tokens;
    const std::string text = result["content"][0]["text"];
    EXPECT_EQ(text.find("Left out") == std::string::npos, n_hits == 40 && found["snippets_left_out"] == 0) << text;
  }
  EXPECT_EQ(last_hits, 40U);
}

TEST(Tools, ReadLinesGivesThemAndSaysWhereToGoOn) {
  ServedFolder served;
  std::string text;
  for (int i = 1; i <= 3000; ++i) text += "line " + std::to_string(i) + "\n";
  served.write("long.txt", text);
  served.serve(served.top());
  const Json some = served.structured("read_lines", {{"path", "long.txt"}, {"start", 5}, {"end", 6}});
  EXPECT_EQ(some["text"], "line 5\nline 6\n");
  EXPECT_EQ(some["n_lines"], 3000);
  EXPECT_EQ(some["next_start"], nullptr);
  std::string all;
  int n_pages = 0;
  for (Json start = 1; !start.is_null(); ++n_pages) {
    ASSERT_LT(n_pages, 100);
    const Json page = served.structured("read_lines", {{"path", "long.txt"}, {"start", start}, {"max_tokens", 500}});
    EXPECT_LE(page.dump().size(), 2000U);
    all += page["text"];
    start = page["next_start"];
  }
  EXPECT_EQ(all, text);
  EXPECT_GT(n_pages, 5);
  EXPECT_THAT(served.refusal("read_lines", {{"path", "long.txt"}, {"start", 3001}}), HasSubstr("3000 lines"));
}

TEST(Tools, SymbolsListsAFileAndFindsAName) {
  ServedFolder served;
  served.serve(served.top());
  const Json file = served.structured("symbols", {{"path", "auth/session.py"}});
  ASSERT_EQ(file["symbols"].size(), 3U);
  EXPECT_EQ(file["symbols"][1]["name"], "Session.check_token");
  EXPECT_EQ(file["symbols"][1]["kind"], "method");
  EXPECT_EQ(file["symbols"][1]["start_line"], 2);
  EXPECT_THAT(file["symbols"][1]["signature"].get<std::string>(), HasSubstr("check_token(self, token)"));
  const Json name = served.structured("symbols", {{"name", "check_token"}});
  EXPECT_EQ(name["symbols"][0]["path"], "auth/session.py");
  EXPECT_EQ(name["symbols"][0]["signature"], "def check_token(self, token):");
  const Json page = served.structured("symbols", {{"path", "auth/session.py"}, {"limit", 2}});
  const Json rest =
      served.structured("symbols", {{"path", "auth/session.py"}, {"limit", 2}, {"cursor", page["next_cursor"]}});
  EXPECT_EQ(rest["symbols"][0]["name"], "Session.drop");
  EXPECT_EQ(rest["next_cursor"], nullptr);
}

TEST(Tools, SimilarFindsTheSiblingAndNotTheFileItself) {
  ServedFolder served;
  const std::string body =
      "    connection = open_socket(host, port)\n    connection.settimeout(limit)\n    return connection.receive()\n";
  served.write("net/fetch.py", "def fetch(host, port, limit):\n" + body);
  served.write("net/pull.py", "def pull(host, port, limit):\n" + body);
  served.write("net/copy.py", "def fetch(host, port, limit):\n" + body);  // the same bytes as fetch.py
  served.serve(served.top());
  const Json found = served.structured("similar", {{"path", "net/fetch.py"}, {"line", 2}});
  std::vector<std::string> paths;
  for (const Json& hit : found["hits"]) paths.push_back(hit["path"]);
  EXPECT_THAT(paths, ::testing::Contains("net/pull.py"));
  EXPECT_THAT(paths, ::testing::Contains("net/copy.py"));
  EXPECT_THAT(paths, Not(::testing::Contains("net/fetch.py")));
  EXPECT_THAT(served.refusal("similar", {{"path", "net/fetch.py"}, {"line", 99}}), HasSubstr("no line 99"));
}

TEST(Tools, NoPathLeadsOutOfTheIndexedFolders) {
  ServedFolder served;
  served.serve(served.top());
  const std::string outside = (served.folder.path() / "outside/secret.txt").string();
  const std::vector<std::string> paths = {"../outside/secret.txt",
                                          "auth/../../outside/secret.txt",
                                          "./../outside/secret.txt",
                                          "auth/..",
                                          "..",
                                          outside,
                                          "/etc/passwd",
                                          "//etc/passwd",
                                          "link/secret.txt",
                                          "secret.txt",
                                          "file://" + outside,
                                          "%2e%2e/outside/secret.txt",
                                          "..%2foutside%2fsecret.txt",
                                          "..\\outside\\secret.txt",
                                          "\xc0\xae\xc0\xae/outside/secret.txt",
                                          "~/secret.txt",
                                          "auth/session.py/../../../etc/passwd",
                                          served.top().string() + "/../outside/secret.txt",
                                          served.top().string() + "-evil/secret.txt",
                                          std::string("auth/session.py\0.txt", 20),
                                          std::string("\0", 1),
                                          "auth",
                                          "",
                                          "auth//session.py",
                                          "auth/session.py/",
                                          "AUTH/SESSION.PY",
                                          "．．/outside/secret.txt"};
  for (const std::string& path : paths) {
    for (const char* tool : {"read_lines", "symbols", "similar"}) {
      Json arguments{{"path", path}};
      if (std::string(tool) == "similar") arguments["line"] = 1;
      const auto answer = served.protocol.answer(Json{{"jsonrpc", "2.0"},
                                                      {"id", 1},
                                                      {"method", "tools/call"},
                                                      {"params", {{"name", tool}, {"arguments", arguments}}}}
                                                     .dump(-1, ' ', false, Json::error_handler_t::replace));
      ASSERT_TRUE(answer.has_value());
      EXPECT_THAT(*answer, AnyOf(HasSubstr(R"("isError":true)"), HasSubstr("-32700"))) << tool << " " << path;
      EXPECT_THAT(*answer, Not(HasSubstr("launch code"))) << tool << " " << path;
      EXPECT_THAT(*answer, Not(HasSubstr("root:"))) << tool << " " << path;
    }
  }
  // Globs filter what is indexed; they open nothing.
  for (const char* glob : {"../**", "/etc/**", "/**", "**/secret.txt"}) {
    const Json found = served.structured("search", {{"query", "launch code"}, {"mode", "exact"}, {"path", glob}});
    EXPECT_EQ(found["hits"].size(), 0U) << glob;
  }
  // Other ways to name what is inside.
  EXPECT_EQ(served.structured("read_lines", {{"path", "./docs/guide.md"}})["path"], "docs/guide.md");
  EXPECT_EQ(served.structured("read_lines", {{"path", (served.top() / "docs/guide.md").string()}})["path"],
            "docs/guide.md");
  EXPECT_THAT(served.refusal("read_lines", {{"path", "src/guide.md"}}), HasSubstr("There is: docs/guide.md"));
}

TEST(Tools, ALinkThatTakesAFilesPlaceShowsNothingOfWhatItLeadsTo) {
  ServedFolder served;
  served.serve(served.top());
  EXPECT_EQ(served.structured("read_lines", {{"path", "docs/guide.md"}})["n_lines"], 3);
  std::filesystem::remove(served.top() / "docs/guide.md");
  std::filesystem::create_symlink(served.folder.path() / "outside/secret.txt", served.top() / "docs/guide.md");
  EXPECT_THAT(served.refusal("read_lines", {{"path", "docs/guide.md"}}), HasSubstr("no file"));
}

TEST(Tools, SeveralFoldersAreSearchedAsOneAndToldApartByName) {
  ServedFolder served;
  served.folder.write("other/zoo/session.py", "def session_token():\n    return 'token'\n");
  served.serve(served.top());
  served.serve(std::filesystem::canonical(served.folder.path() / "other"));
  const Json found = served.structured("search", {{"query", "session token"}});
  std::vector<std::string> paths;
  for (const Json& hit : found["hits"]) paths.push_back(hit["path"]);
  EXPECT_THAT(paths, ::testing::Contains("top/auth/session.py"));
  EXPECT_THAT(paths, ::testing::Contains("other/zoo/session.py"));
  const Json one = served.structured("search", {{"query", "session token"}, {"path", "other/**"}});
  ASSERT_EQ(one["hits"].size(), 1U);
  EXPECT_EQ(one["hits"][0]["path"], "other/zoo/session.py");
  const Json rest = served.structured("search", {{"query", "session token"}, {"path", "!other/**"}});
  EXPECT_EQ(rest["hits"].size(), 3U);
  EXPECT_EQ(served.structured("read_lines", {{"path", "other/zoo/session.py"}})["n_lines"], 2);
  EXPECT_THAT(served.refusal("read_lines", {{"path", "zoo/session.py"}}), HasSubstr("name of an index"));
  EXPECT_EQ(served.structured("status", Json::object())["indexes"][1]["name"], "other");
}

TEST(Tools, StatusTellsWhatIsIndexed) {
  ServedFolder served;
  served.serve(served.top());
  served.structured("search", {{"query", "token"}});
  const Json state = served.structured("status", Json::object())["indexes"][0];
  EXPECT_EQ(state["files"], 3);
  EXPECT_EQ(state["complete"], true);
  EXPECT_EQ(state["error"], nullptr);
  EXPECT_GT(state["updated"].get<int64_t>(), 1'600'000'000);
}

TEST(Tools, AnIndexThatCannotBeMadeIsAnErrorAndNotAnEmptyAnswer) {
  ServedFolder served;
  served.folder.write("index-top", "a file where the index should lie");
  served.serve(served.top());
  EXPECT_THAT(served.refusal("search", {{"query", "token"}}), HasSubstr("index-top"));
}

}  // namespace
}  // namespace lode::mcp
