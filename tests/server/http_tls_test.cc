// TLS and mutual TLS, with certificates that the openssl command makes in a temporary folder.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client.h"
#include "http_testing.h"
#include "server/http.h"
#include "tls_client.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class HttpTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::signal(SIGPIPE, SIG_IGN);  // the client's OpenSSL writes to sockets that the server has closed
    folder_ = std::filesystem::temp_directory_path() / fmt::format("lode_tls_test_{}", ::getpid());
    std::filesystem::create_directories(folder_);
    make("server", "", "/CN=localhost");
    make("ca", "", "/CN=authority");
    make("client", "-CA ca.pem -CAkey ca.key", "/O=Lodestone/CN=batch job 7");
    make("nameless", "-CA ca.pem -CAkey ca.key", "/O=Lodestone/OU=tests");
    make("stranger", "", "/CN=stranger");
    run("openssl pkey -in server.key -aes256 -passout pass:secret -out encrypted.key");
    std::ofstream(folder_ / "nonsense.pem") << "nonsense\n";
    std::ofstream(folder_ / "empty.pem");
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

  static std::string file(const std::string& name) { return (folder_ / name).string(); }
  static TlsOptions tls() { return {.cert_file = file("server.pem"), .key_file = file("server.key")}; }
  static TlsOptions mutual_tls() {
    TlsOptions options = tls();
    options.client_ca_file = file("ca.pem");
    return options;
  }
  static TlsClientOptions as(const std::string& name) {
    return {.cert_file = file(name + ".pem"), .key_file = file(name + ".key")};
  }

 private:
  static void run(const std::string& command) {
    ASSERT_EQ(
        std::system(fmt::format("cd '{}' && {} >log 2>&1 || {{ cat log; false; }}", folder_.string(), command).c_str()),
        0);
  }
  static void make(const std::string& name, const std::string& signer, const std::string& subject) {
    run(
        fmt::format("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 {} -subj '{}' "
                    "-keyout {}.key -out {}.pem",
                    signer, subject, name, name));
  }

  inline static std::filesystem::path folder_;
};

TEST_F(HttpTls, AnswersManyRequestsSmallAndLargeOnOneConnection) {
  const auto server = listen(echo_handler(), {.tls = tls()});
  EXPECT_EQ(server->url(), fmt::format("https://127.0.0.1:{}", server->port()));
  TlsClient client(server->port());
  ASSERT_TRUE(client.open());
  EXPECT_EQ(client.version(), "TLSv1.3");
  for (const size_t n : {0, 10, 5000, 100'000, 3'000'000}) {
    const std::string body(n, 'x');
    ASSERT_TRUE(client.send(post("/a", body)));
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << n;
    EXPECT_EQ(reply->body, "POST /a " + body);
  }
  client.send(get("/1") + get("/2") + get("/3"));
  for (const char* expected : {"GET /1 ", "GET /2 ", "GET /3 "}) EXPECT_EQ(client.body(), expected);
  client.send("GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.body(), "GET /last ");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpTls, RefusesLimitsAndNonsenseAsWithoutTls) {
  const auto server = listen(echo_handler(), {.max_body_bytes = 1000, .tls = tls()});
  TlsClient large(server->port());
  large.send(post("/", std::string(200'000, 'x')));
  EXPECT_EQ(large.status(), 413);
  TlsClient nonsense(server->port());
  nonsense.send("nonsense\r\n\r\n");
  EXPECT_EQ(nonsense.status(), 400);
  const auto hasty = listen(echo_handler(), {.header_timeout = 500ms, .tls = tls()});
  TlsClient slow(hasty->port());
  slow.send("GET / HT");
  EXPECT_EQ(slow.status(), 408);
}

TEST_F(HttpTls, TellsAPlainClientWhatThisPortSpeaks) {
  const auto server = listen(echo_handler(), {.tls = tls()});
  Client client(server->port());
  client.send(get("/"));
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 400);
  EXPECT_THAT(reply->body, HasSubstr("https://"));
  EXPECT_TRUE(client.closed());

  Client garbage(server->port());
  garbage.send(std::string(1000, '\xff'));
  EXPECT_FALSE(garbage.receive());
}

TEST_F(HttpTls, GivesUpOnASilentHandshakeAndOnOldProtocols) {
  const auto hasty = listen(echo_handler(), {.header_timeout = 100ms, .tls = tls()});
  EXPECT_TRUE(Client(hasty->port()).closed());
  const auto server = listen(echo_handler(), {.tls = tls()});
  TlsClientOptions old;
  old.max_version = TLS1_1_VERSION;
  EXPECT_FALSE(TlsClient(server->port(), old).open());
  old.max_version = TLS1_2_VERSION;
  TlsClient good(server->port(), old);
  EXPECT_EQ(good.version(), "TLSv1.2");
  good.send(get("/"));
  EXPECT_TRUE(good.receive());
}

TEST_F(HttpTls, LetsInWhomTheAuthorityKnowsAndKnowsThemByName) {
  const auto server = listen(
      [](const Request& request, Respond respond) { answer(respond, {.body = "<" + request.tls_subject + ">"}); },
      {.tls = mutual_tls()});
  for (const auto& [who, name] :
       {std::pair("client", "<batch job 7>"), std::pair("nameless", "<OU=tests,O=Lodestone>")}) {
    TlsClient client(server->port(), as(who));
    client.send(get("/"));
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << who;
    EXPECT_EQ(reply->body, name);
  }
  for (const TlsClientOptions& who : {TlsClientOptions{}, as("stranger")}) {
    TlsClient client(server->port(), who);
    client.send(get("/"));
    EXPECT_FALSE(client.receive());
  }
}

TEST_F(HttpTls, AClientWithoutACertificateHasNoName) {
  const auto server = listen(
      [](const Request& request, Respond respond) { answer(respond, {.body = "<" + request.tls_subject + ">"}); },
      {.tls = tls()});
  TlsClient client(server->port(), as("client"));  // not asked for it
  client.send(get("/"));
  EXPECT_EQ(client.body(), "<>");
}

TEST_F(HttpTls, NoticesHangUpsAndAnswersWhoHasEndedItsSide) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.half_close_grace = 60s, .tls = tls()});
  {
    TlsClient client(server->port());
    client.send(get("/0") + get("/1"));
    held.wait_for(1);
    EXPECT_FALSE(held.gone().stop_requested());
    client.cut();  // without "close notify" nobody can be waiting
    EXPECT_TRUE(becomes_true([&] { return held.gone().stop_requested(); }));
  }
  TlsClient half(server->port());
  half.send(get("/0") + get("/1"));
  half.end_sending();
  held.wait_for(2);
  held.open();
  EXPECT_EQ(half.body(), "GET /0 ");
  held.wait_for(3);
  held.open();
  EXPECT_EQ(half.body(), "GET /1 ");
  EXPECT_TRUE(half.closed());
}

TEST_F(HttpTls, PipelinedRequestsAreAnsweredInOrderWhileTheFirstIsHeld) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.tls = tls()});
  TlsClient client(server->port());
  client.send(get("/0"));
  held.wait_for(1);
  for (int i = 1; i < 4; ++i) {
    client.send(post(fmt::format("/{}", i), std::string(static_cast<size_t>(i) * 3000, 'x')));
    std::this_thread::sleep_for(10ms);
  }
  for (size_t i = 0; i < 4; ++i) {
    held.wait_for(i + 1);
    held.open();
    const auto reply = client.receive();
    ASSERT_TRUE(reply) << i;
    EXPECT_THAT(reply->body, HasSubstr(fmt::format(" /{} ", i)));
  }
}

TEST_F(HttpTls, StopAnswersWhatWasAcceptedAndClosesTheIdle) {
  HeldHandler held;
  const auto server = listen(held.handler(), {.tls = tls()});
  TlsClient idle(server->port());
  TlsClient busy(server->port());
  Client silent(server->port());
  busy.send(get("/busy"));
  held.wait_for(1);
  auto stopped = std::async(std::launch::async, [&] { return server->stop(10s); });
  EXPECT_TRUE(idle.closed());
  held.open();
  const auto reply = busy.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->headers.at("connection"), "close");
  EXPECT_TRUE(stopped.get());
}

TEST_F(HttpTls, SaysWhatIsWrongWithItsFiles) {
  struct Case {
    TlsOptions tls;
    Code code;
    const char* message;
  };
  const std::string cert = file("server.pem");
  const std::string key = file("server.key");
  for (const Case& each :
       {Case{{cert, ""}, Code::invalid_argument, "private key is missing"},
        Case{{"", key}, Code::invalid_argument, "certificate is missing"},
        Case{{file("none.pem"), key}, Code::io, "No such file"},
        Case{{cert, file("none.key")}, Code::io, "No such file"}, Case{{file(""), key}, Code::io, "directory"},
        Case{{file("empty.pem"), key}, Code::io, "it is empty"},
        Case{{file("nonsense.pem"), key}, Code::invalid_argument, "is not a certificate in PEM format"},
        Case{{key, key}, Code::invalid_argument, "is not a certificate in PEM format"},
        Case{{cert, file("nonsense.pem")}, Code::invalid_argument, "is not a private key in PEM format"},
        Case{{cert, cert}, Code::invalid_argument, "is not a private key in PEM format"},
        Case{{cert, file("encrypted.key")}, Code::invalid_argument, "is encrypted"},
        Case{{cert, file("client.key")}, Code::invalid_argument, "does not belong to the certificate"},
        Case{{cert, key, file("none.pem")}, Code::io, "No such file"},
        Case{{cert, key, file("nonsense.pem")}, Code::invalid_argument, "holds no certificates"}}) {
    const auto server = HttpServer::listen({.port = 0, .tls = each.tls}, echo_handler());
    ASSERT_FALSE(server) << each.message;
    EXPECT_EQ(server.error().code, each.code) << server.error().line();
    EXPECT_THAT(server.error().message, HasSubstr(each.message));
    EXPECT_THAT(server.error().hint, ::testing::Not(::testing::IsEmpty()));
  }
}

}  // namespace
}  // namespace lode::server
