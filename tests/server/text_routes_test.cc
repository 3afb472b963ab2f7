// The routes that take texts, and the modes that change what they take.
#include <cmath>
#include <future>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "fake_service.h"
#include "server/routes.h"
#include "server/search_routes.h"

namespace lode::server {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class TextRoutesTest : public ::testing::Test {
 protected:
  // From here on the server runs with these options.
  void options(RoutesOptions options) {
    Models models;
    EXPECT_TRUE(models.add("nvidia/nv-embed-v1", service_, {.title = "T", .licence = "X", .restriction = "no use"}));
    EXPECT_TRUE(models.add_alias("acme/embedder", "nv-embed-v1"));
    routes_ = std::make_unique<Routes>(std::move(models), std::move(options));
  }
  void SetUp() override { options({}); }

  Response call(const std::string& method, const std::string& target, const std::string& body = "",
                std::vector<Header> headers = {}) {
    std::promise<Response> promise;
    exchange_ = std::make_shared<Exchange>();
    routes_->handle({.method = method,
                     .target = target,
                     .headers = std::move(headers),
                     .body = body,
                     .gone = gone_.get_token(),
                     .exchange = exchange_},
                    [&promise](MakeResponse make) { promise.set_value(make()); });
    return promise.get_future().get();
  }
  Json post(const std::string& route, const std::string& body, int status = 200) {
    const Response response = call("POST", "/v1/" + route, body);
    EXPECT_EQ(response.status, status) << body << "\n" << response.body;
    return Json::parse(response.body);
  }
  Json embed(const std::string& body, int status = 200) { return post("embeddings", body, status); }

  FakeService service_;
  std::unique_ptr<Routes> routes_;
  std::shared_ptr<Exchange> exchange_;
  std::stop_source gone_;
};

TEST_F(TextRoutesTest, ElementTypesAreIntegersOrTheirBytes) {
  service_.bias = -80;  // some numbers are below zero then
  const auto of = [&](const std::string& fields) {
    return embed(R"({"input":"t")" + fields + "}")["data"][0]["embedding"];
  };
  const auto floats = of("").get<std::vector<float>>();
  std::vector<int> int8, uint8;
  int bits = 0;
  for (size_t i = 0; i < 3; ++i) {
    int8.push_back(static_cast<int>(std::clamp(std::nearbyint(floats[i] * 127.0), -127.0, 127.0)));
    uint8.push_back(int8.back() + 128);
    bits |= static_cast<int>(floats[i] > 0) << (7 - i);
  }
  EXPECT_NE(bits, 0);
  EXPECT_NE(bits, 0b11100000);
  EXPECT_EQ(of(R"(,"embedding_type":"int8")").get<std::vector<int>>(), int8);
  EXPECT_EQ(of(R"(,"output_dtype":"uint8")").get<std::vector<int>>(), uint8);
  EXPECT_EQ(of(R"(,"output_dtype":"uint8","embedding_type":"ubinary")").get<std::vector<int>>(), std::vector{bits});
  EXPECT_EQ(of(R"(,"embedding_type":"binary")").get<std::vector<int>>(), std::vector{bits - 128});
  EXPECT_EQ(of(R"(,"embedding_type":"int8","encoding_format":"base64")").get<std::string>().size(), 4U);
}

TEST_F(TextRoutesTest, FewerDimensionsAreCutAndMadeUnitVectorsWhereAllowed) {
  options({.allow_truncated_dims = true});
  const auto whole = embed(R"({"input":"t"})")["data"][0]["embedding"].get<std::vector<float>>();
  const auto cut = embed(R"({"input":["t","t"],"dimensions":2})")["data"][1]["embedding"].get<std::vector<float>>();
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_FLOAT_EQ(std::hypot(cut[0], cut[1]), 1);
  EXPECT_FLOAT_EQ(cut[0] / cut[1], whole[0] / whole[1]);
  EXPECT_EQ(embed(R"({"input":"t","dimensions":3.0})")["data"][0]["embedding"].size(), 3U);
  for (const char* wrong : {"0", "-1", "4"}) embed(fmt::format(R"({{"input":"t","dimensions":{}}})", wrong), 400);
}

TEST_F(TextRoutesTest, TokenIdsAreTakenAsTheyAreWhereAllowed) {
  options({.accept_token_ids = true});
  const Json one = embed(R"({"input":[1,119,2]})");
  EXPECT_EQ(one["usage"]["total_tokens"], 3);
  EXPECT_EQ(one["data"][0]["embedding"], embed(R"({"input":"t","instruction":""})")["data"][0]["embedding"]);
  EXPECT_EQ(embed(R"({"input":[[1,119.0,2],[5]]})")["data"][0], one["data"][0]);
  for (const char* wrong : {"[[]]", "[301]", "[-1]", "[1.5]", "[1e300]", "[[1],2]", R"([1,"a"])", R"(["a",1])"}) {
    embed(fmt::format(R"({{"input":{}}})", wrong), 400);
  }
}

TEST_F(TextRoutesTest, AnyModelNameMeansTheFirstWhereAllowed) {
  options({.accept_any_model = true});
  EXPECT_EQ(embed(R"({"input":"t","model":"text-embedding-3-small"})")["model"], "nvidia/nv-embed-v1");
  EXPECT_EQ(embed(R"({"input":"t","model":"other-query"})")["data"],
            embed(R"({"input":"t","input_type":"query"})")["data"]);
}

TEST_F(TextRoutesTest, TheDefaultInputTypeIsTheOptions) {
  const Json as_query = embed(R"({"input":"t","input_type":"query"})")["data"];
  const Json bare = embed(R"({"input":"t","instruction":""})")["data"];
  options({.default_input_type = embed::InputType::query});
  EXPECT_EQ(embed(R"({"input":"t"})")["data"], as_query);
  options({.default_input_type = embed::InputType::unspecified});
  EXPECT_EQ(embed(R"({"input":"t"})")["data"], bare);
}

TEST_F(TextRoutesTest, WhatIsRepeatedOfARequestIsShort) {
  constexpr size_t kMostAnswerBytes = 8192;
  const std::string long_text(1 << 20, 'x');
  for (const bool strict : {false, true}) {
    options({.strict_nim = strict});
    for (const std::string& key : std::vector<std::string>{"model", "input_type", "encoding_format", "truncate",
                                                           "dimensions", "user", long_text}) {
      Json body = {{"input", {"t"}}, {"model", "nv-embed-v1-query"}};
      body[key] = key == "user" ? Json(7) : Json(long_text);
      const Response response = call("POST", "/v1/embeddings", body.dump());
      EXPECT_LT(response.body.size(), kMostAnswerBytes) << key.substr(0, 20);
    }
  }
  EXPECT_EQ(Json::parse(call("POST", "/v1/embeddings", R"({"input":"t",")" + long_text + R"(":1})").body)["param"],
            long_text.substr(0, 200) + "...");
}

TEST_F(TextRoutesTest, StrictNimRefusesInNimsWordsAndShapes) {
  options({.strict_nim = true});
  EXPECT_EQ(embed(R"({"input":"t"})", 400)["error"], "'input_type' parameter is required for asymmetric models");
  embed(R"({"input":"t","model":"nv-embed-v1-query"})");
  const Json null = embed(R"({"input":"t","input_type":"query","encoding_format":null})", 400);
  EXPECT_EQ(null["object"], "error");
  EXPECT_EQ(null["message"], "Your request cannot be validated, it is incorrect.");
  EXPECT_EQ(null["type"], "request_validation_error");
  EXPECT_EQ(null["detail"], Json::parse(R"({"type":"literal_error","loc":["body","encoding_format"],
      "msg":"Input should be 'float' or 'base64'","input":null,"ctx":{"expected":"'float' or 'base64'"}})"));
  const Json extra = embed(R"({"input":"t","input_type":"query","dimensions":1024})", 400);
  EXPECT_EQ(extra["detail"], Json::parse(R"({"type":"extra_forbidden","loc":["body","dimensions"],
      "msg":"Extra inputs are not permitted","input":1024})"));
  for (const char* field : {"instruction", "messages", "drop_params", "5"}) {
    EXPECT_EQ(embed(fmt::format(R"({{"input":"t","input_type":"query","{}":"x"}})", field), 400)["detail"]["loc"][1],
              field);
  }
  EXPECT_EQ(embed(R"({"input":["t"," \u3000"],"input_type":"query"})", 400)["detail"]["loc"],
            Json::parse(R"(["body","input",1])"));
  const Json longer = embed(fmt::format(R"({{"input":"{}","input_type":"query"}})", std::string(100, 'x')), 400);
  EXPECT_THAT(longer["error"].get<std::string>(), testing::StartsWith("Input length 109 exceeds maximum allowed"));
  EXPECT_EQ(longer["code"], "context_length_exceeded");
}

TEST_F(TextRoutesTest, TheExchangeHasWhatTheLogAndTheMetricsTell) {
  const std::string text(100, 'x');
  const Response response =
      call("POST", "/v1/embeddings", fmt::format(R"({{"input":["a"," ","","{}"],"truncate":"END"}})", text));
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(exchange_->route, "/v1/embeddings");
  EXPECT_EQ(exchange_->model, "nvidia/nv-embed-v1");
  EXPECT_EQ(exchange_->n_inputs, 4);
  EXPECT_EQ(exchange_->n_empty, 2);
  EXPECT_EQ(exchange_->n_truncated, 1);
  EXPECT_EQ(exchange_->n_tokens, Json::parse(response.body)["usage"]["total_tokens"]);
  EXPECT_GT(exchange_->tokenize_s, 0);
  EXPECT_GT(exchange_->format_s, 0);
  ASSERT_EQ(response.headers.size(), 1U);
  EXPECT_EQ(response.headers[0].name, "x-lode-truncated");
  EXPECT_EQ(response.headers[0].value, "1");
  embed(R"({"input":"t","model":"x"})", 404);
  EXPECT_EQ(exchange_->error, "model_not_found");
}

TEST_F(TextRoutesTest, WhoLeftIsAnswered499AndNotTokenised) {
  gone_.request_stop();
  embed(R"({"input":["t","u"]})", 499);
  EXPECT_EQ(exchange_->n_tokens, 0);
}

TEST_F(TextRoutesTest, TokenizeShowsWhatTheModelSeesAndWhatIsCut) {
  const Json body = post("tokenize", R"({"input":["ab",""],"instruction":""})");
  EXPECT_EQ(body["data"][0], Json::parse(R"({"index":0,"ids":[1,100,101,2],"pieces":["<s>","byte","byte","</s>"],
      "n_tokens":4,"truncated":false,"n_tokens_before_truncation":4,"pool_begin":0})"));
  EXPECT_EQ(body["data"][1]["ids"], Json::parse("[1,2]"));
  EXPECT_EQ(body["usage"]["total_tokens"], 6);
  const std::string text(100, 'x');
  const Json cut = post("tokenize", fmt::format(R"({{"input":"{}","instruction":""}})", text))["data"][0];
  EXPECT_EQ(cut["n_tokens"], 64);
  EXPECT_EQ(cut["truncated"], true);
  EXPECT_EQ(cut["n_tokens_before_truncation"], 102);
  post("tokenize", fmt::format(R"({{"input":"{}","truncate":"NONE"}})", text), 400);
}

TEST_F(TextRoutesTest, SimilarityGivesCosinesOfQueriesByPassages) {
  const Json body = post("similarity", R"({"queries":["a","b"],"passages":["c","d","e"],"task":"Find"})");
  ASSERT_EQ(body["scores"].size(), 2U);
  const auto q = service_.vector_of("b", "Task: Find\n");
  const auto p = service_.vector_of("d", "passage: ");
  double dot = 0, qq = 0, pp = 0;
  for (size_t i = 0; i < 3; ++i) dot += q[i] * p[i], qq += q[i] * q[i], pp += p[i] * p[i];
  ASSERT_EQ(body["scores"][1].size(), 3U);
  EXPECT_NEAR(body["scores"][1][1].get<double>(), dot / std::sqrt(qq * pp), 1e-6);
  EXPECT_EQ(
      post("similarity", R"({"queries":"a","passages":"a","query_instruction":"","passage_instruction":""})")["scores"],
      Json::parse("[[1.0]]"));
  for (const char* wrong :
       {R"({"queries":["a"]})", R"({"queries":[],"passages":["a"]})", R"({"queries":"a","passages":[1]})",
        R"({"queries":"a","passages":"a","task":"x","query_instruction":"y"})"}) {
    post("similarity", wrong, 400);
  }
  service_.bias = std::nanf("");
  post("similarity", R"({"queries":"a","passages":"a"})", 500);
}

TEST_F(TextRoutesTest, SimilarityRefusesAMatrixThatIsTooLarge) {
  std::string texts = R"(["")";
  for (int i = 1; i < 1000; ++i) texts += R"(,"")";
  texts += "]";
  EXPECT_THAT(post("similarity", fmt::format(R"({{"queries":{0},"passages":{0}}})", texts), 400).dump(),
              HasSubstr("at most 262144, they are 1000000"));
}

TEST_F(TextRoutesTest, OptionsSayWhatIsAllowed) {
  const Response response = call("OPTIONS", "/v1/embeddings");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.headers.at(0).value, "POST, OPTIONS");
  EXPECT_EQ(call("OPTIONS", "*").status, 204);
  EXPECT_EQ(call("OPTIONS", "/nothing").status, 404);
}

TEST_F(TextRoutesTest, CardsStandInMetadataLicenseAndStatus) {
  const Json metadata = Json::parse(call("GET", "/v1/metadata").body);
  EXPECT_EQ(metadata["licenseInfo"]["name"], "X");
  EXPECT_EQ(metadata["modelInfo"][0]["shortName"], "nvidia/nv-embed-v1");
  EXPECT_EQ(metadata["models"][0]["license"]["restriction"], "no use");
  const Json license = Json::parse(call("GET", "/license").body);
  EXPECT_EQ(license["content"], "X: no use");
  EXPECT_EQ(license["models"][0]["id"], "nvidia/nv-embed-v1");
  const Json status = Json::parse(call("GET", "/v1/status").body);
  EXPECT_EQ(status["models"][0]["aliases"], Json::parse(R"(["acme/embedder"])"));
  EXPECT_EQ(status["models"][0]["prompts"]["query"], "query: ");
  EXPECT_EQ(status["status"], "ready");
  routes_->drain();
  EXPECT_EQ(Json::parse(call("GET", "/v1/status").body)["status"], "draining");
}

TEST_F(TextRoutesTest, BrowsersGetThePageAndOthersTheText) {
  const auto page = [](const Request& request) -> std::optional<Response> {
    if (request.target == "/" || request.target == "/assets/a.js") return Response{.body = "page"};
    return std::nullopt;
  };
  RoutesOptions with_page;
  with_page.page = page;
  options(std::move(with_page));
  EXPECT_EQ(call("GET", "/", "", {{"Accept", "text/html,*/*"}}).body, "page");
  EXPECT_THAT(call("GET", "/", "", {{"Accept", "*/*"}}).body, HasSubstr("curl"));
  EXPECT_EQ(call("GET", "/assets/a.js").body, "page");
  EXPECT_EQ(call("GET", "/assets/b.js").status, 404);
  EXPECT_EQ(call("HEAD", "/assets/a.js").status, 200);
  EXPECT_EQ(call("POST", "/assets/b.js").status, 404);
  const Response options = call("OPTIONS", "/assets/a.js");
  EXPECT_EQ(options.status, 204);
  const Response refused = call("POST", "/assets/a.js", "{}");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(exchange_->error, "method_not_allowed");
  EXPECT_EQ(exchange_->route, "/");
  for (const Response& response : {options, refused}) {
    ASSERT_EQ(response.headers.size(), 1U);
    EXPECT_EQ(response.headers[0].name, "Allow");
    EXPECT_EQ(response.headers[0].value, "GET, HEAD, OPTIONS");
  }
}

TEST_F(TextRoutesTest, TheOpenApiDocumentHasExactlyTheRoutes) {
  const Json document = Json::parse(call("GET", "/openapi.json").body);
  std::set<std::string> documented, known;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) documented.insert(method + " " + path);
  }
  for (const RouteEntry& entry : route_table()) {
    // Those of search are there where an index is (search_routes_test.cc).
    if (!is_search_route(entry.route)) known.insert((entry.post ? "post " : "get ") + std::string(entry.name));
  }
  EXPECT_EQ(documented, known);
  const Json& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["EmbeddingRequest"]["properties"]["dimensions"]["enum"], Json::parse("[3,null]"));
  EXPECT_EQ(schemas["Model"]["anyOf"][0]["enum"][0], "nvidia/nv-embed-v1");
  EXPECT_FALSE(document.contains("security"));
}

TEST_F(TextRoutesTest, TheOpenApiDocumentSaysWhatTheOptionsSay) {
  options({.strict_nim = true, .allow_truncated_dims = true, .max_inputs = 7, .asks_for_key = true});
  const Json document = Json::parse(call("GET", "/openapi.json").body);
  const Json& request = document["components"]["schemas"]["EmbeddingRequest"];
  EXPECT_EQ(request["additionalProperties"], false);
  EXPECT_EQ(request["properties"]["dimensions"]["maximum"], 3);
  EXPECT_EQ(document["components"]["schemas"]["StrictInput"]["anyOf"][1]["maxItems"], 7);
  EXPECT_EQ(document["security"].size(), 2U);
  EXPECT_EQ(document["paths"]["/v1/health/ready"]["get"]["security"], Json::array());
  EXPECT_FALSE(document["paths"]["/v1/metrics"]["get"].contains("security"));
}

}  // namespace
}  // namespace lode::server
