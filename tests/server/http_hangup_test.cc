// Who still waits for an answer: hang-ups, half-closed clients, deadlines, and what on_sent is told of each.
#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client.h"
#include "http_testing.h"
#include "server/http.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

bool requested(const std::stop_token& gone) {
  return becomes_true([&] { return gone.stop_requested(); });
}

TEST(HttpHangUp, AResetEndsTheRequestAtOnce) {
  HeldHandler held;
  SentLog log;
  const auto server = listen(held.handler(), {.half_close_grace = 60s});
  for (const size_t n_bytes : {10, 100'000}) {  // handled on an io thread, on a worker
    Client client(server->port());
    client.send(post("/", std::string(n_bytes, 'x')));
    held.wait_for(n_bytes == 10 ? 1 : 2);
    EXPECT_FALSE(held.gone().stop_requested());
    client.reset();
    EXPECT_TRUE(requested(held.gone()));
    EXPECT_TRUE(becomes_true([&] { return server->n_connections() == 0; }));
  }
  held.open(&log);
  for (const Sent& sent : log.wait_for(2)) {
    EXPECT_FALSE(sent.whole);
    EXPECT_EQ(sent.status, 499);
    EXPECT_EQ(sent.n_bytes, 0U);
  }
}

TEST(HttpHangUp, AClientThatClosesIsGoneAfterTheGrace) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.half_close_grace = 100ms});
  const auto start = std::chrono::steady_clock::now();
  {
    Client client(server->port());
    client.send(get("/"));
    held.wait_for(1);
  }
  EXPECT_TRUE(requested(held.gone()));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(HttpHangUp, AHalfClosedClientIsAnsweredWithinTheGraceOnly) {
  HeldHandler held;
  const auto patient = listen(held.handler(), {.half_close_grace = 60s});
  Client in_time(patient->port());
  in_time.send(post("/in-time", "x"));
  in_time.end_sending();
  held.wait_for(1);
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(held.gone().stop_requested());
  held.open();
  const auto reply = in_time.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "POST /in-time x");
  EXPECT_TRUE(in_time.closed());

  const auto strict = listen(held.handler(), {.half_close_grace = 50ms});
  Client late(strict->port());
  late.send(post("/late", "x"));
  late.end_sending();
  held.wait_for(2);
  EXPECT_TRUE(requested(held.gone()));
  held.open();
  EXPECT_TRUE(late.closed()) << "nothing is sent";
}

TEST(HttpHangUp, AHalfClosedClientGetsTheAnswersToAllThatItPipelined) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.half_close_grace = 10s});
  Client client(server->port());
  client.send(get("/0") + post("/1", "body") + get("/2"));
  client.end_sending();
  for (size_t i = 0; i < 3; ++i) {
    held.wait_for(i + 1);
    held.open();
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << i;
    EXPECT_THAT(reply->body, HasSubstr(fmt::format(" /{} ", i)));
  }
  EXPECT_TRUE(client.closed());
}

TEST(HttpHangUp, PipelinedRequestsDoNotHideAHangUp) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.half_close_grace = 60s});
  Client client(server->port());
  client.send(get("/0") + get("/1"));
  held.wait_for(1);
  client.send(get("/2"));
  std::this_thread::sleep_for(20ms);
  client.reset();
  EXPECT_TRUE(requested(held.gone()));
}

TEST(HttpHangUp, WhatIsPipelinedIsNotReadWithoutBound) {
  constexpr size_t kBytes = 64 << 20;  // more than the sockets' buffers hold
  HeldHandler held;
  const auto server = listen(held.handler());
  Client client(server->port());
  client.send(get("/"));
  held.wait_for(1);
  EXPECT_LT(client.flood(std::string(1 << 16, 'x'), kBytes), kBytes);
}

TEST(HttpHangUp, ADrainDoesNotWaitForWhoIsGone) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.half_close_grace = 60s});
  Client client(server->port());
  client.send(get("/"));
  held.wait_for(1);
  client.reset();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(server->stop(60s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(HttpHangUp, TheEndOfADrainEndsItsRequests) {
  HeldHandler held;
  const auto server = listen(held.handler());
  Client client(server->port());
  client.send(get("/"));
  held.wait_for(1);
  EXPECT_FALSE(server->stop(50ms));
  EXPECT_TRUE(held.gone().stop_requested());
}

TEST(HttpDeadline, IsAnswered504AndTheLateAnswerIsThrownAway) {
  HeldHandler held;
  SentLog log;
  const auto server = listen([&, hold = held.handler()](Request request, Respond respond) {
    request.late_headers->set({{"x-request-id", "mine"}});
    hold(std::move(request), std::move(respond));
  });
  Client client(server->port());
  client.send(post("/slow", std::string(100'000, 'x'), "X-Request-Timeout: 0.05\r\n"));
  auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 504);
  EXPECT_EQ(reply->headers["x-request-id"], "mine");
  const Json body = Json::parse(reply->body);
  EXPECT_EQ(body["error"]["code"], "deadline_exceeded");
  EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr("0.05 s that x-request-timeout gives"));
  EXPECT_TRUE(held.gone().stop_requested());

  // The connection goes on, and what is late is not taken for the next answer.
  client.send(get("/next"));
  held.wait_for(2);
  held.open(&log);
  reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "GET /next ");
  const auto sent = log.wait_for(2);
  std::multiset<int> statuses;
  for (const Sent& each : sent) statuses.insert(each.status);
  EXPECT_EQ(statuses, (std::multiset<int>{200, 504}));
}

TEST(HttpDeadline, TheClientCannotLengthenIt) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.request_timeout = 50ms});
  Client client(server->port());
  client.send(post("/", "", "x-request-timeout: 3600\r\n"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 504);
  EXPECT_THAT(reply->body, HasSubstr("no answer within 0.05 s"));
  EXPECT_THAT(reply->body, HasSubstr("--request-timeout"));
}

TEST(HttpDeadline, AMalformedOneLeavesTheServersOwn) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.request_timeout = 50ms});
  Client client(server->port());
  for (const char* value : {"soon", "-1", "0", "", "1e3", "nan", "99999999999999999999"}) {
    client.send(post("/", "x", fmt::format("x-request-timeout: {}\r\n", value)));
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << value;
    EXPECT_EQ(reply->status, 504) << value;
    EXPECT_THAT(reply->body, HasSubstr("no answer within 0.05 s"));
  }
}

TEST(HttpSent, TellsOnceWhatWasWritten) {
  SentLog log;
  const auto server = listen([&](const Request& request, Respond respond) {
    Response response = echo(request);
    response.status = 201;
    response.on_sent = log.listener();
    answer(respond, std::move(response));
  });
  Client client(server->port());
  client.send(post("/", std::string(1000, 'x')));
  client.receive();
  client.send(post("/", std::string(100'000, 'x')));
  client.receive();
  const auto sent = log.wait_for(2);
  ASSERT_EQ(sent.size(), 2U);
  for (const Sent& each : sent) {
    EXPECT_TRUE(each.whole);
    EXPECT_EQ(each.status, 201);
    EXPECT_GE(each.seconds, 0);
    EXPECT_LT(each.seconds, 10);
  }
  EXPECT_GT(sent[0].n_bytes, 1000U);
  EXPECT_LT(sent[0].n_bytes, 1500U);
  EXPECT_GT(sent[1].n_bytes, 100'000U);
  EXPECT_LT(sent[1].n_bytes, 100'500U);
}

TEST(HttpSent, TellsThatAnAnswerWasCut) {
  SentLog log;
  const auto server = listen([&](const Request&, Respond respond) {
    answer(respond, {.body = std::string(64 << 20, 'x'), .on_sent = log.listener()});
  });
  Client client(server->port());
  client.send(get("/"));
  ASSERT_TRUE(client.readable());
  client.reset();
  const auto sent = log.wait_for(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_FALSE(sent[0].whole);
  EXPECT_EQ(sent[0].status, 200);
}

TEST(HttpSent, TellsItWhenTheServerStopsInTheMiddle) {
  SentLog log;
  {
    const auto server = listen([&](const Request&, Respond respond) {
      answer(respond, {.body = std::string(64 << 20, 'x'), .on_sent = log.listener()});
    });
    Client client(server->port());
    client.send(get("/"));
    ASSERT_TRUE(client.readable());
    EXPECT_FALSE(server->stop(50ms));
  }
  const auto sent = log.wait_for(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_FALSE(sent[0].whole);
}

TEST(HttpConnections, AreCountedAndBeyondTheLimitWaitForAPlace) {
  const auto server = listen(echo_handler(), {.max_connections = 2});
  std::optional<Client> first(server->port());
  Client second(server->port());
  for (Client* client : {&*first, &second}) {
    client->send(get("/"));
    ASSERT_TRUE(client->receive());
  }
  EXPECT_EQ(server->n_connections(), 2U);
  Client third(server->port());
  third.send(get("/third"));
  EXPECT_FALSE(third.receive(false, 100ms));
  first.reset();
  const auto reply = third.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "GET /third ");
}

TEST(HttpConnections, ARequestKnowsItsPeer) {
  std::promise<std::string> peer;
  const auto server = listen([&](const Request& request, Respond respond) {
    peer.set_value(request.peer);
    answer(respond, {});
  });
  Client client(server->port());
  client.send(get("/"));
  EXPECT_THAT(peer.get_future().get(), ::testing::MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
}

TEST(HttpConnections, RefusalsBeforeTheHandlerAreTold) {
  std::mutex mutex;
  std::set<std::string> told;
  HttpOptions options{.max_header_bytes = 200, .max_body_bytes = 100, .header_timeout = 100ms};
  SentLog sent;
  options.on_refused = [&](const EarlyRefusal& refusal, Response& response) {
    const std::scoped_lock lock(mutex);
    told.insert(fmt::format("{} {} {}", refusal.status, refusal.reason, refusal.peer.starts_with("127.0.0.1:")));
    response.headers.push_back({"x-request-id", refusal.request_id.empty() ? "ours" : std::string(refusal.request_id)});
    response.on_sent = sent.listener();
  };
  const auto server = listen(echo_handler(), options);
  for (const std::string& bytes : {std::string("nonsense\r\n\r\n"), std::string("GET /"),
                                   post("/", std::string(101, 'x')), get("/" + std::string(300, 'x'))}) {
    Client client(server->port());
    client.send(bytes);
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->headers.at("x-request-id"), "ours");
  }
  // The caller's own name is kept.
  Client client(server->port());
  client.send(post("/", std::string(101, 'x'), "x-request-id: mine\r\n"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->headers.at("x-request-id"), "mine");
  for (const Sent& each : sent.wait_for(5)) {
    EXPECT_TRUE(each.whole);
    EXPECT_GT(each.n_bytes, 100U);
    EXPECT_TRUE(each.status == 400 || each.status == 408 || each.status == 413 || each.status == 431) << each.status;
  }
  const std::scoped_lock lock(mutex);
  EXPECT_EQ(told, (std::set<std::string>{"400 bad_request true", "408 request_timeout true", "413 body_too_large true",
                                         "431 header_too_large true"}));
}

}  // namespace
}  // namespace lode::server
