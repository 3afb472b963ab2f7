#include "server/http.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client.h"
#include "http_testing.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Json = nlohmann::json;

TEST(Http, AnswersManyRequestsOnOneConnection) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(post("/a", fmt::format("body {}", i))));
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, fmt::format("POST /a body {}", i));
    EXPECT_EQ(reply->headers.at("content-type"), "text/plain");
    EXPECT_THAT(reply->headers.at("date"), HasSubstr("GMT"));
  }
}

TEST(Http, AnAnswerWithoutABodySaysNothingOfOneAndTheConnectionGoesOn) {
  const auto server = listen([](const Request& request, Respond respond) {
    answer(respond, {.status = request.target == "/a" ? 204 : 304, .content_type = ""});
  });
  Client client(server->port());
  for (const char* target : {"/a", "/b", "/a"}) {
    ASSERT_TRUE(client.send(get(target)));
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, target == std::string_view("/b") ? 304 : 204);
    EXPECT_FALSE(reply->headers.contains("content-length"));
    EXPECT_FALSE(reply->headers.contains("content-type"));
  }
}

TEST(Http, PassesMethodTargetAndHeadersOn) {
  std::promise<Request> seen;
  const auto server = listen([&](Request request, Respond respond) {
    seen.set_value(std::move(request));
    answer(respond, {});
  });
  Client client(server->port());
  client.send("PUT /x?y=1 HTTP/1.1\r\nHost: h\r\nX-Thing: some value\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(client.receive());
  const Request request = seen.get_future().get();
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/x?y=1");
  ASSERT_GE(request.headers.size(), 2U);
  EXPECT_EQ(request.headers[1].name, "X-Thing");
  EXPECT_EQ(request.headers[1].value, "some value");
}

TEST(Http, AnswersPipelinedRequestsInOrderEvenWhenTheFirstIsSlow) {
  std::mutex mutex;
  std::vector<std::jthread> threads;
  const auto server = listen([&](Request request, Respond respond) {
    const std::scoped_lock lock(mutex);
    const auto delay = request.target == "/0" ? 100ms : 0ms;
    threads.emplace_back([delay, request = std::move(request), respond = std::move(respond)]() mutable {
      std::this_thread::sleep_for(delay);
      answer(respond, echo(request));
    });
  });
  Client client(server->port());
  client.send(post("/0", "a") + get("/1") + post("/2", std::string(20'000, 'b')) + get("/3"));
  for (int i = 0; i < 4; ++i) {
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_THAT(reply->body, HasSubstr(fmt::format(" /{} ", i)));
  }
}

TEST(Http, SomeEmptyLinesInFrontOfARequestAreNoneOfIt) {
  const auto server = listen(echo_handler(), {.header_timeout = 100ms});
  Client client(server->port());
  client.send(post("/0", "a") + "\r\n" + get("/1") + "\r\n\r\n\r\n\r\n" + get("/2") + "\r");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client.body(), HasSubstr(fmt::format(" /{} ", i)));
  client.send("\n" + get("/3"));
  EXPECT_THAT(client.body(), HasSubstr(" /3 "));
  client.send("\r\n");
  EXPECT_TRUE(client.closed()) << "nobody asked";

  Client ending(server->port());
  ending.send("\r\n");
  ending.end_sending();
  EXPECT_TRUE(ending.closed()) << "nobody asked";

  for (const char* wrong : {"\r\n\r\n\r\n\r\n\r\n", "\rx", "\r\r\n", "\n"}) {
    Client other(server->port());
    other.send(wrong + get("/"));
    EXPECT_EQ(other.status(), 400) << wrong;
  }
}

TEST(Http, ReadsChunkedBodies) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  std::this_thread::sleep_for(20ms);
  client.send("2;ext=1\r\nde\r\n0\r\n\r\n");
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "POST / abcde");
}

TEST(Http, ReadsChunkedBodiesCutAnywhere) {
  const std::string header = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto server = listen(echo_handler());
  for (const std::string body : {"0\r\n\r\n", "2\r\nab\r\n0\r\n\r\n", "1\r\nx\r\n0;e\r\nTrailer: y\r\n\r\n"}) {
    for (size_t cut = 1; cut < body.size(); ++cut) {
      Client client(server->port());
      client.send(header);
      client.send(body.substr(0, cut));
      std::this_thread::sleep_for(2ms);
      client.send(body.substr(cut, 1));
      std::this_thread::sleep_for(2ms);
      client.send(body.substr(cut + 1));
      const auto reply = client.receive();
      ASSERT_TRUE(reply) << body << cut;
      EXPECT_EQ(reply->status, 200) << body << cut;
    }
  }
}

TEST(Http, HeadHasTheLengthButNoBody) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = client.receive(/*head=*/true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->headers.at("content-length"), std::to_string(std::string("HEAD /h ").size()));
  client.send(get("/after"));  // would fail to parse if a body had been sent
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "GET /after ");
}

TEST(Http, ClosesWhenTheClientAsksForIt) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->headers.at("connection"), "close");
  EXPECT_TRUE(client.closed());

  Client old(server->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(old.receive());
  EXPECT_TRUE(old.closed());
}

TEST(Http, AnswersAClientThatHasEndedItsSide) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  client.send(post("/half", "x"));
  client.end_sending();
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "POST /half x");
  EXPECT_TRUE(client.closed());
}

TEST(Http, SaysContinueBeforeTheBodyIsSent) {
  const auto server = listen(echo_handler());
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 100);
  client.send("ok");
  reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "POST / ok");
}

TEST(Http, RefusesABodyOverTheLimitWithoutContinue) {
  const auto server = listen(echo_handler(), {.max_body_bytes = 100});
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
}

struct Refusal {
  const char* name;
  std::string sent;
  int status;
  const char* message;
};

class HttpRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(HttpRefusal, IsAnsweredWithJsonAndTheServerGoesOn) {
  std::atomic<int> handled = 0;
  const auto server = listen(
      [&](const Request& request, Respond respond) {
        ++handled;
        answer(respond, echo(request));
      },
      {.max_header_bytes = 2000, .max_body_bytes = 1000});
  Client client(server->port());
  client.send(GetParam().sent);
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, GetParam().status);
  EXPECT_EQ(reply->headers.at("content-type"), "application/json");
  EXPECT_EQ(reply->headers.at("connection"), "close");
  const Json body = Json::parse(reply->body);
  EXPECT_EQ(body["object"], "error");
  EXPECT_THAT(body["error"]["message"].get<std::string>(), HasSubstr(GetParam().message));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(handled, 0);

  Client next(server->port());
  next.send(get("/"));
  EXPECT_TRUE(next.receive());
}

std::string chunks(size_t n) {
  std::string out = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t i = 0; i < n; ++i) out += "64\r\n" + std::string(100, 'x') + "\r\n";
  return out + "0\r\n\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpRefusal,
    ::testing::Values(
        Refusal{"announced_body", post("/", std::string(1001, 'x')), 413, "larger than the limit of 1000 bytes"},
        Refusal{"huge_announced_body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413,
                "1000"},
        Refusal{"chunked_body", chunks(11), 413, "larger than the limit of 1000 bytes"},
        Refusal{"one_huge_chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nxx", 413,
                "1000"},
        Refusal{"long_header", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(3000, 'a') + "\r\n\r\n", 431,
                "2000 bytes"},
        Refusal{"many_headers",
                "GET / HTTP/1.1\r\nHost: x\r\n" +
                    [] {
                      std::string out;
                      for (int i = 0; i < 1000; ++i) out += "A: b\r\n";
                      return out;
                    }(),
                431, "2000 bytes"},
        Refusal{"long_target", "GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, "2000 bytes"},
        Refusal{"not_http", "hello there\r\n\r\n", 400, "not an HTTP request"},
        Refusal{"bad_version", "GET / HTTP/9.9\r\n\r\n", 400, "not an HTTP request"},
        Refusal{"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n", 400,
                "not an HTTP"},
        Refusal{"bad_length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "not an HTTP request"},
        Refusal{"two_lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
                "not an HTTP"},
        Refusal{"length_and_chunked",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
                "not an HTTP"},
        Refusal{"endless_chunk_header",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(3000, 'x'), 431,
                "2000 bytes"},
        Refusal{"endless_trailer",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(3000, 'x'),
                431, "2000 bytes"},
        Refusal{"other_coding",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400,
                "Transfer-Encoding"},
        Refusal{"two_codings", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400,
                "Transfer-Encoding"},
        Refusal{"bad_chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400,
                "not an HTTP request"},
        Refusal{"no_host", "GET / HTTP/1.1\r\n\r\n", 400, "0 Host headers, 1 was expected"},
        Refusal{"two_hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "2 Host headers, 1 was expected"},
        Refusal{"space_in_name", "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", 400, "not an HTTP request"}),
    [](const auto& each) { return each.param.name; });

TEST(Http, DeliversARefusalToAClientThatIsStillSending) {
  const auto server = listen(echo_handler(), {.max_body_bytes = 1000});
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.send(chunk)) << i;
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
}

TEST(Http, GivesUpOnSlowHeadersAndBodies) {
  const auto server = listen(echo_handler(), {.header_timeout = 150ms, .stall_timeout = 150ms});
  Client header(server->port());
  Client body(server->port());
  header.send("GET / HTTP/1.1\r\nHo");
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  std::atomic<bool> stop = false;
  // A byte now and then does not buy more time.
  std::jthread drip([&] {
    for (int i = 0; i < 100 && !stop; ++i) {
      header.send("s");
      body.send("b");
      std::this_thread::sleep_for(20ms);
    }
  });
  const auto header_reply = header.receive();
  ASSERT_TRUE(header_reply);
  EXPECT_EQ(header_reply->status, 408);
  const auto body_reply = body.receive();
  ASSERT_TRUE(body_reply);
  EXPECT_EQ(body_reply->status, 408);
  stop = true;
}

TEST(Http, ClosesIdleConnectionsSilently) {
  const auto server = listen(echo_handler(), {.idle_timeout = 100ms});
  Client fresh(server->port());
  Client used(server->port());
  used.send(get("/"));
  ASSERT_TRUE(used.receive());
  EXPECT_TRUE(fresh.closed());
  EXPECT_TRUE(used.closed());
}

TEST(Http, GivesUpOnAClientThatDoesNotReadItsAnswer) {
  // More than the socket buffers hold.
  constexpr size_t kBytes = 32 << 20;
  const auto server =
      listen([](const Request&, Respond respond) { answer(respond, {.body = std::string(kBytes, 'x')}); },
             {.stall_timeout = 50ms, .min_bytes_per_second = kBytes * 10});
  Client client(server->port());
  client.send(get("/"));
  ASSERT_TRUE(client.readable());
  std::this_thread::sleep_for(1s);
  EXPECT_FALSE(client.receive());
}

TEST(Http, SendsLargeAnswersWhole) {
  const auto server =
      listen([](const Request&, Respond respond) { answer(respond, {.body = std::string(20 << 20, 'x')}); });
  Client client(server->port());
  client.send(get("/"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body.size(), size_t{20} << 20);
}

TEST(Http, ARequestThatNobodyAnswersIsAnInternalError) {
  const auto server = listen([](const Request&, const Respond&) {});
  Client client(server->port());
  client.send(get("/"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 500);
}

TEST(Http, ExceptionsBecomeInternalErrors) {
  const auto server = listen([](const Request& request, Respond respond) {
    if (request.target == "/handler") throw std::runtime_error("in the handler");
    respond([]() -> Response { throw std::bad_alloc(); });
  });
  for (const char* target : {"/handler", "/maker"}) {
    Client client(server->port());
    client.send(get(target));
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 500) << target;
    client.send(get(target));
    EXPECT_TRUE(client.receive()) << "the connection stays";
  }
}

TEST(Http, LargeRequestsDoNotHoldUpSmallOnes) {
  std::promise<void> release;
  auto released = release.get_future().share();
  const auto server = listen(
      [released](const Request& request, Respond respond) {
        if (!request.body.empty()) released.wait();
        answer(respond, echo(request));
      },
      {.n_io_threads = 1, .n_worker_threads = 1});
  Client large(server->port());
  large.send(post("/large", std::string(100'000, 'x')));
  std::this_thread::sleep_for(50ms);
  Client small(server->port());
  small.send(get("/small"));
  EXPECT_TRUE(small.receive());
  release.set_value();
  EXPECT_TRUE(large.receive());
}

TEST(Http, AClientThatGoesAwayHarmsNobody) {
  HeldHandler gate;
  const auto server = listen(gate.handler());
  {
    Client gone(server->port());
    gone.send(get("/gone"));
    gate.wait_for(1);
  }
  Client stays(server->port());
  stays.send(get("/stays"));
  gate.wait_for(2);
  gate.open();
  const auto reply = stays.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "GET /stays ");
}

TEST(Http, ServesManyConnectionsAtOnce) {
  const auto server = listen(echo_handler());
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      Client client(server->port());
      for (int i = 0; i < 20; ++i) {
        const std::string body = fmt::format("{} {} {}", t, i, std::string(static_cast<size_t>(i) * 2000, 'x'));
        client.send(post("/m", body));
        const auto reply = client.receive();
        if (reply && reply->body == "POST /m " + body) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 16 * 20);
}

TEST(HttpStop, AnswersWhatWasAcceptedAndClosesIdleConnections) {
  HeldHandler gate;
  const auto server = listen(gate.handler());
  Client idle(server->port());
  Client busy(server->port());
  busy.send(get("/busy"));
  gate.wait_for(1);
  auto stopped = std::async(std::launch::async, [&] { return server->stop(10s); });
  EXPECT_TRUE(idle.closed());
  EXPECT_EQ(stopped.wait_for(50ms), std::future_status::timeout);

  // The handler still hears new requests, and each answer is the last on its connection.
  Client late(server->port());
  late.send(get("/late"));
  gate.wait_for(2);
  gate.open();
  for (Client* client : {&busy, &late}) {
    const auto reply = client->receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->headers.at("connection"), "close");
  }
  EXPECT_TRUE(stopped.get());
  EXPECT_FALSE(Client(server->port()).connected());
}

TEST(HttpStop, GivesUpAtTheDrainTimeout) {
  HeldHandler gate;
  const auto server = listen(gate.handler());
  Client busy(server->port());
  busy.send(get("/busy"));
  gate.wait_for(1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(server->stop(100ms));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_FALSE(busy.receive());
  gate.open();  // an answer after the end goes nowhere
}

TEST(HttpStop, IsQuickWhenNobodyWaits) {
  const auto server = listen(echo_handler());
  Client half(server->port());
  half.send("GET / HTT");
  Client lingering(server->port());
  lingering.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(lingering.receive());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(server->stop(60s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(server->stop(60s)) << "stopping twice does nothing";
}

TEST(HttpStop, RequestsUnderLoadAreAnsweredOrRefusedNeverCut) {
  for (int round = 0; round < 5; ++round) {
    const auto server = listen(echo_handler());
    std::atomic<bool> cut = false;
    std::atomic<int> answered = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        while (true) {
          Client client(server->port());
          if (!client.connected()) return;
          while (client.send(get("/load"))) {
            const auto reply = client.receive();
            if (!reply) {
              // The connection may end between two requests, but then it ends cleanly before the answer starts.
              return;
            }
            ++answered;
            if (reply->body != "GET /load ") cut = true;
            if (reply->headers.contains("connection")) break;
          }
        }
      });
    }
    while (answered < 100) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(server->stop(10s));
    threads.clear();
    EXPECT_FALSE(cut);
  }
}

TEST(HttpListen, SaysThatThePortIsTaken) {
  const auto server = listen(echo_handler());
  const auto second = HttpServer::listen({.port = server->port()}, echo_handler());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_THAT(second.error().line(), HasSubstr("already in use"));
  EXPECT_THAT(second.error().line(), HasSubstr("--port"));
}

TEST(HttpListen, TakesNamesAndRefusesStrangers) {
  EXPECT_TRUE(HttpServer::listen({.host = "localhost", .port = 0}, echo_handler()));
  EXPECT_FALSE(HttpServer::listen({.host = "203.0.113.1", .port = 0}, echo_handler()));
  EXPECT_FALSE(HttpServer::listen({.host = "no such host", .port = 0}, echo_handler()));
}

}  // namespace
}  // namespace lode::server
