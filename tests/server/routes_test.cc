#include "server/routes.h"

#include <atomic>
#include <future>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client.h"
#include "fake_service.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Models served(FakeService& service) {
  Models models;
  EXPECT_TRUE(models.add("nvidia/nv-embed-v1", service));
  EXPECT_TRUE(models.add_alias("acme/embedder", "nv-embed-v1"));
  return models;
}

class RoutesTest : public ::testing::Test {
 protected:
  Response call(const std::string& method, const std::string& target, const std::string& body = "") {
    std::promise<Response> promise;
    routes_.handle({.method = method, .target = target, .headers = {{"Host", "h:1"}}, .body = body},
                   [&promise](MakeResponse make) { promise.set_value(make()); });
    return promise.get_future().get();
  }
  Response embed(const std::string& body) { return call("POST", "/v1/embeddings", body); }
  std::vector<float> embedding(const std::string& body, size_t index = 0) {
    const Response response = embed(body);
    EXPECT_EQ(response.status, 200) << response.body;
    if (response.status != 200) return {};
    return Json::parse(response.body)["data"][index]["embedding"].get<std::vector<float>>();
  }

  FakeService service_;
  Routes routes_{served(service_)};
};

TEST_F(RoutesTest, EmbedsInOrderAndCountsTokens) {
  const Response response = embed(R"({"input":["one","","three"],"model":"nv-embed-v1","instruction":""})");
  ASSERT_EQ(response.status, 200);
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["object"], "list");
  EXPECT_EQ(body["model"], "nvidia/nv-embed-v1");
  EXPECT_EQ(body["usage"]["prompt_tokens"], 3 + 0 + 5 + 3 * 2);
  EXPECT_EQ(body["usage"]["total_tokens"], body["usage"]["prompt_tokens"]);
  ASSERT_EQ(body["data"].size(), 3U);
  size_t i = 0;
  for (const char* text : {"one", "", "three"}) {
    EXPECT_EQ(body["data"][i]["index"], i);
    EXPECT_EQ(body["data"][i]["object"], "embedding");
    EXPECT_EQ(body["data"][i]["embedding"].get<std::vector<float>>(), service_.vector_of(text, ""));
    ++i;
  }
}

TEST_F(RoutesTest, PicksTheInstructionByRank) {
  const auto with = [&](std::string_view instruction) { return service_.vector_of("t", instruction); };
  EXPECT_EQ(embedding(R"({"input":"t"})"), with("passage: "));
  EXPECT_EQ(embedding(R"({"input":"t","input_type":""})"), with("passage: "));
  EXPECT_EQ(embedding(R"({"input":"t","input_type":"query"})"), with("query: "));
  EXPECT_EQ(embedding(R"({"input":"t","input_type":"passage"})"), with("passage: "));
  EXPECT_EQ(embedding(R"({"input":"t","model":"nv-embed-v1-query"})"), with("query: "));
  EXPECT_EQ(embedding(R"({"input":"t","model":"nvidia/nv-embed-v1-passage"})"), with("passage: "));
  EXPECT_EQ(embedding(R"({"input":"t","model":"nv-embed-v1-query","input_type":"passage"})"), with("passage: "));
  EXPECT_EQ(embedding(R"({"input":"t","input_type":"query","task":"Find it"})"), with("Task: Find it\n"));
  EXPECT_EQ(embedding(R"({"input":"t","input_type":"query","instruction":"Verbatim "})"), with("Verbatim "));
  EXPECT_EQ(embedding(R"({"messages":[{"role":"user","content":"t"}]})"), with("passage: "));
}

TEST_F(RoutesTest, RefusesATooLongTextInTheKnownWords) {
  const std::string text(100, 'x');
  const Response response = embed(fmt::format(R"({{"input":["ok","{}"],"truncate":"NONE","instruction":""}})", text));
  EXPECT_EQ(response.status, 400);
  const Json body = Json::parse(response.body);
  EXPECT_THAT(body["error"]["message"].get<std::string>(),
              HasSubstr("Input length 102 exceeds maximum allowed token size 64"));
  EXPECT_EQ(body["message"], "Input length 102 exceeds maximum allowed token size 64");
  EXPECT_THAT(body["detail"].get<std::string>(), HasSubstr("input 1 of 2"));
  EXPECT_THAT(body["detail"].get<std::string>(), HasSubstr("truncate"));
  EXPECT_EQ(body["error"]["param"], "input");
  EXPECT_EQ(embed(fmt::format(R"({{"input":"{}","truncate":"END"}})", text)).status, 200);
}

TEST_F(RoutesTest, AnUnknownModelIsNotFoundAndNeverReplaced) {
  const Response response = embed(R"({"input":"t","model":"nvidia/nv-embed-v2"})");
  EXPECT_EQ(response.status, 404);
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body["error"]["code"], "model_not_found");
  EXPECT_EQ(body["error"]["param"], "model");
  const auto message = body["error"]["message"].get<std::string>();
  for (const char* part : {"nvidia/nv-embed-v2", "nvidia/nv-embed-v1", "acme/embedder", "lode pull", "--alias"}) {
    EXPECT_THAT(message, HasSubstr(part));
  }
  EXPECT_EQ(embed(R"({"input":"t","model":"EMBEDDER"})").status, 200);
}

TEST_F(RoutesTest, TakesOnlyTheModelsOwnDimensions) {
  EXPECT_EQ(embed(R"({"input":"t","dimensions":3})").status, 200);
  for (const char* wrong : {"2", "4", "-1", "0", "102400"}) {
    const Response response = embed(fmt::format(R"({{"input":"t","dimensions":{}}})", wrong));
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(Json::parse(response.body)["error"]["param"], "dimensions");
    EXPECT_THAT(response.body, HasSubstr("should be 3"));
  }
}

TEST_F(RoutesTest, SendsBase64WhenAsked) {
  const Json body = Json::parse(embed(R"({"input":"t","encoding_format":"base64"})").body);
  EXPECT_EQ(body["data"][0]["embedding"].get<std::string>().size(), 16U);
}

TEST_F(RoutesTest, PassesOnWhatTheQueueAndTheEngineSay) {
  service_.full = true;
  const Response full = embed(R"({"input":"t"})");
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.headers.at(0).name, "Retry-After");
  service_.full = false;
  service_.failure = Error{Code::internal, "vector 0 is not finite", ""};
  EXPECT_EQ(embed(R"({"input":"t"})").status, 500);
  service_.failure.reset();
  service_.bias = std::numeric_limits<float>::infinity();
  const Response infinite = embed(R"({"input":"t"})");
  EXPECT_EQ(infinite.status, 500);
  EXPECT_THAT(infinite.body, HasSubstr("not finite"));
}

TEST_F(RoutesTest, BadRequestsNeverReachTheService) {
  service_.full = true;
  EXPECT_EQ(embed("{").status, 400);
  EXPECT_EQ(embed("").status, 400);
  EXPECT_EQ(embed(R"({"input":[]})").status, 400);
}

TEST_F(RoutesTest, ListsIdsAndAliases) {
  const Json body = Json::parse(call("GET", "/v1/models").body);
  EXPECT_EQ(body["object"], "list");
  ASSERT_EQ(body["data"].size(), 2U);
  EXPECT_EQ(body["data"][0]["id"], "nvidia/nv-embed-v1");
  EXPECT_EQ(body["data"][1]["id"], "acme/embedder");
  for (const Json& model : body["data"]) {
    EXPECT_EQ(model["object"], "model");
    EXPECT_EQ(model["root"], model["id"]);
    EXPECT_TRUE(model["created"].is_number_integer());
    EXPECT_TRUE(model["owned_by"].is_string());
  }
}

TEST_F(RoutesTest, HealthFollowsTheDrain) {
  EXPECT_EQ(Json::parse(call("GET", "/v1/health/ready").body),
            Json::parse(R"({"object":"health.response","message":"ready","ready":true})"));
  EXPECT_EQ(call("GET", "/v1/health/live").status, 200);
  EXPECT_EQ(embed(R"({"input":"t"})").status, 200);
  routes_.drain();
  const Response ready = call("GET", "/v1/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(Json::parse(ready.body)["ready"], false);
  EXPECT_EQ(call("GET", "/v1/health/live").status, 200);
  EXPECT_EQ(embed(R"({"input":"t"})").status, 503);
}

TEST_F(RoutesTest, FindsRoutesWithAndWithoutVersionSlashAndQuery) {
  for (const char* target :
       {"/v1/models", "/models", "/v1/models/", "/models//", "/v1/models?x=/y", "http://h:1/v1/models"}) {
    EXPECT_EQ(call("GET", target).status, 200) << target;
    EXPECT_EQ(call("HEAD", target).status, 200) << target;
  }
  EXPECT_EQ(call("POST", "/embeddings", R"({"input":"t"})").status, 200);
  EXPECT_EQ(call("POST", "/v1/embeddings/", R"({"input":"t"})").status, 200);
  for (const char* target :
       {"/v1/model", "/v2/models", "/v1models", "/v1/v1/models", "*", "", "http://", "//models", "/v1/embeddings/x"}) {
    if (std::string_view(target).empty() || std::string_view(target) == "http://") continue;
    const Response response = call("GET", target);
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_EQ(Json::parse(response.body)["error"]["code"], "route_not_found");
    EXPECT_THAT(response.body, HasSubstr("POST /v1/embeddings"));
  }
}

TEST_F(RoutesTest, WrongMethodsSayWhichAreRight) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "BREW"}) {
    const Response response = call(method, "/v1/embeddings");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.headers.at(0).name, "Allow");
    EXPECT_EQ(response.headers.at(0).value, "POST, OPTIONS");
  }
  const Response response = call("POST", "/v1/models");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.at(0).value, "GET, HEAD, OPTIONS");
}

TEST_F(RoutesTest, TheFrontDoorSaysWhatToPaste) {
  for (const char* target : {"/", "", "/v1", "/v1/", "http://h:1"}) {
    const Response response = call("GET", target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_THAT(response.body, HasSubstr("curl -s http://h:1/v1/embeddings"));
    EXPECT_THAT(response.body, HasSubstr("nvidia/nv-embed-v1"));
  }
}

TEST(Server, GivesEachOfManyClientsItsOwnVectors) {
  FakeService service;
  Routes routes(served(service));
  const auto server = HttpServer::listen(
      {.port = 0}, [&](Request request, Respond respond) { routes.handle(std::move(request), std::move(respond)); });
  ASSERT_TRUE(server);
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 32; ++t) {
    threads.emplace_back([&, t] {
      Client client((*server)->port());
      for (int i = 0; i < 10; ++i) {
        const std::string text = fmt::format("client {} text {}", t, i);
        const std::string body = fmt::format(R"({{"input":["{}","{}!"],"instruction":""}})", text, text);
        client.send(
            fmt::format("POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
        const auto reply = client.receive();
        if (!reply || reply->status != 200) return;
        const Json data = Json::parse(reply->body)["data"];
        if (data[0]["embedding"].get<std::vector<float>>() == service.vector_of(text, "") &&
            data[1]["embedding"].get<std::vector<float>>() == service.vector_of(text + "!", "")) {
          ++good;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 320);
}

TEST(Server, DrainsUnderLoadWithoutLosingARequest) {
  FakeService service;
  Routes routes(served(service));
  const auto server = HttpServer::listen(
      {.port = 0}, [&](Request request, Respond respond) { routes.handle(std::move(request), std::move(respond)); });
  ASSERT_TRUE(server);
  const std::string body = R"({"input":"t"})";
  const std::string request =
      fmt::format("POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  std::atomic<int> answered = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      while (true) {
        Client client((*server)->port());
        if (!client.connected()) return;
        while (client.send(request)) {
          const auto reply = client.receive();
          if (!reply) break;
          if (reply->status == 200) ++answered;
          if (reply->status != 200 && reply->status != 503) ++wrong;
          if (reply->headers.contains("connection")) break;
        }
      }
    });
  }
  while (answered < 200) std::this_thread::sleep_for(1ms);
  routes.drain();
  EXPECT_TRUE((*server)->stop(10s));
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace lode::server
