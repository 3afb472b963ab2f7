// A gate in front of a server of its own: what comes over the wire where a request is late, refused or one of many.
#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "client.h"
#include "gate_fixture.h"
#include "server/api_error.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using Json = nlohmann::json;

using GateServerTest = GateTest;

TEST_F(GateServerTest, ALateAnswerHasItsHeadersThoughNoThreadHasTakenTheRequestYet) {
  std::promise<void> go;
  const std::shared_future<void> wait = go.get_future().share();
  std::atomic<int> n_handled = 0;
  auto server = serve({.cors_origins = {"https://app.example.com"}, .access_log = false}, {.n_worker_threads = 1},
                      [&](const Request&, Respond respond) {
                        if (++n_handled == 1) wait.wait();
                        respond([] { return Response{.body = "{}"}; });
                      });
  ASSERT_TRUE(server) << server.error().line();
  const std::string body(100'000, 'x');
  const std::string head =
      fmt::format("POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n", body.size());
  Client first((*server)->port());
  first.send(head + "\r\n" + body);
  while (n_handled == 0) std::this_thread::sleep_for(1ms);

  Client second((*server)->port());
  second.send(head +
              "x-request-timeout: 0.2\r\nx-request-id: mine\r\nOrigin: https://app.example.com\r\ntraceparent: " +
              kTrace + "\r\n\r\n" + body);
  const auto reply = second.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 504);
  EXPECT_EQ(n_handled, 1);
  const auto said = [&](const char* name) { return reply->headers.contains(name) ? reply->headers.at(name) : ""; };
  EXPECT_EQ(said("x-request-id"), "mine");
  EXPECT_EQ(said("traceparent"), kTrace);
  EXPECT_EQ(said("access-control-allow-origin"), "https://app.example.com");
  go.set_value();
  EXPECT_EQ(first.status(), 200);
  // A request ends when its answer is written, or is there and thrown away.
  for (const char* status : {"200", "504"}) {
    const auto n_ended = [&] {
      return metric(fmt::format(R"(lode_requests_total{{method="POST",route="/v1/embeddings",status="{}"}})", status));
    };
    for (int i = 0; i < 5000 && n_ended() < 1; ++i) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(n_ended(), 1.0) << status;
  }
  EXPECT_GE(metric(R"(lode_request_duration_seconds_sum{route="/v1/embeddings"})"), 0.4)
      << "waiting for a thread is part of it";
}

TEST_F(GateServerTest, ALargeRequestIsRefusedThoughEveryThreadIsBusy) {
  ASSERT_TRUE(keys_.add_lines("12345678", "keys"));
  std::promise<void> go;
  const std::shared_future<void> wait = go.get_future().share();
  std::atomic<int> n_handled = 0;
  auto server = serve({.access_log = false}, {.n_worker_threads = 1}, [&](const Request&, Respond respond) {
    ++n_handled;
    wait.wait();
    respond([] { return Response{.body = "{}"}; });
  });
  ASSERT_TRUE(server) << server.error().line();
  const std::string body(100'000, 'x');
  const auto request = [&](const char* headers) {
    return fmt::format("POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}", body.size(),
                       headers, body);
  };
  Client first((*server)->port());
  first.send(request("Authorization: Bearer 12345678\r\n"));
  while (n_handled == 0) std::this_thread::sleep_for(1ms);

  Client second((*server)->port());
  second.send(request(""));
  EXPECT_EQ(second.status(), 401);
  second.send(request("Authorization: Bearer 12345678\r\nx-request-timeout: soon\r\n"));
  EXPECT_EQ(second.status(), 400) << "the connection goes on";
  EXPECT_EQ(n_handled, 1);
  go.set_value();
  EXPECT_EQ(first.status(), 200);
}

TEST_F(GateServerTest, StrictErrorsHaveNimsShapeWhoeverMakesThem) {
  Respond held;
  auto server = serve({.strict_nim = true, .access_log = false},
                      {.max_header_bytes = 500, .max_body_bytes = 10, .error_style = ErrorStyle::nim},
                      [&held](const Request& request, Respond respond) {
                        if (request.target == "/late") held = std::move(respond);
                      });
  ASSERT_TRUE(server) << server.error().line();
  for (const auto& [status, target, headers] :
       {std::tuple(413, "/", "Content-Length: 11\r\n"), std::tuple(400, "/", "x-request-timeout: soon\r\n"),
        std::tuple(504, "/late", "x-request-timeout: 0.01\r\n"), std::tuple(500, "/dropped", ""),
        std::tuple(400, "/", "no field\r\n")}) {
    Client client((*server)->port());
    client.send(fmt::format("POST {} HTTP/1.1\r\nHost: h\r\n{}\r\n", target, headers));
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, status) << reply->body;
    const Json body = Json::parse(reply->body);
    EXPECT_TRUE(body["error"].is_string()) << reply->body;
    EXPECT_EQ(body["object"], "error");
    EXPECT_TRUE(body.value("code", Json()).is_string()) << reply->body;
  }
  Client client((*server)->port());
  client.send("GET /" + std::string(600, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 431);
  EXPECT_TRUE(Json::parse(reply->body)["error"].is_string());
  EXPECT_TRUE((*server)->stop(5s));
}

TEST_F(GateServerTest, PagesCanReadWhatIsRefusedBeforeItIsARequest) {
  auto server = serve({.cors_origins = {"https://app.example.com"}, .access_log = false}, {.max_body_bytes = 10},
                      [](const Request&, Respond respond) { respond([] { return Response{}; }); });
  ASSERT_TRUE(server) << server.error().line();
  for (const auto& [origin, allowed] :
       {std::pair("https://app.example.com", "https://app.example.com"), std::pair("https://other.example.com", "")}) {
    Client client((*server)->port());
    client.send(fmt::format("POST / HTTP/1.1\r\nHost: h\r\nORIGIN: {}\r\nContent-Length: 11\r\n\r\n", origin));
    auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 413);
    EXPECT_EQ(reply->headers["access-control-allow-origin"], allowed);
    EXPECT_EQ(reply->headers["vary"], "Origin");
    EXPECT_THAT(reply->headers["x-request-id"], MatchesRegex("req_[0-9a-f]{32}"));
  }
}

TEST_F(GateServerTest, BehindARealServerManyThreadsAreCountedToTheLast) {
  auto server = serve({.access_log = false}, {}, [](const Request& request, Respond respond) {
    request.exchange->route = "/v1/models";
    std::thread([respond = std::move(respond)]() mutable { respond([] { return Response{.body = "{}"}; }); }).detach();
  });
  ASSERT_TRUE(server) << server.error().line();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Client client((*server)->port());
        for (int i = 0; i < 25; ++i) {
          client.send("GET /v1/models HTTP/1.1\r\nHost: h\r\nx-request-id: t\r\n\r\n");
          const auto reply = client.receive();
          ASSERT_TRUE(reply);
          EXPECT_EQ(reply->status, 200);
          EXPECT_EQ(reply->headers.at("x-request-id"), "t");
        }
      });
    }
  }
  EXPECT_TRUE((*server)->stop(5s));
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="200"})"), 100.0);
  EXPECT_EQ(metric("lode_request_write_seconds_count"), 100.0);
}

}  // namespace
}  // namespace lode::server
