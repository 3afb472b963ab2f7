#include "server/gate.h"

#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "client.h"
#include "gate_fixture.h"
#include "server/api_error.h"
#include "server/trace.h"

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using Json = nlohmann::json;

size_t n_headers(const Response& response, std::string_view name) {
  return static_cast<size_t>(std::ranges::count(response.headers, name, &Header::name));
}

TEST_F(GateTest, EveryAnswerNamesItsRequest) {
  start();
  EXPECT_EQ(header(get("/v1/models", {{"X-Request-Id", "mine-1"}}), "x-request-id"), "mine-1");
  EXPECT_EQ(seen_->request_id, "mine-1");
  std::set<std::string> made;
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a\x01"), std::string("\xc3\xa9"), std::string(129, 'x')}) {
    const std::string id = header(get("/v1/models", {{"x-request-id", bad}}), "x-request-id");
    EXPECT_THAT(id, MatchesRegex("req_[0-9a-f]{32}"));
    made.insert(id);
  }
  EXPECT_EQ(made.size(), 5U);
  EXPECT_EQ(header(get("/v1/models", {{"x-request-id", std::string(128, 'x')}}), "x-request-id"),
            std::string(128, 'x'));
}

TEST_F(GateTest, ATraceContextIsPassedThroughWhenItIsValid) {
  start();
  Response response = get("/v1/models", {{"Traceparent", kTrace}, {"tracestate", "a=1"}, {"Tracestate", "b=2"}});
  EXPECT_EQ(header(response, "traceparent"), kTrace);
  EXPECT_EQ(header(response, "tracestate"), "a=1,b=2");
  EXPECT_EQ(seen_->traceparent, kTrace);
  response = get("/v1/models", {{"traceparent", "00-zz"}, {"tracestate", "a=1"}});
  EXPECT_EQ(n_headers(response, "traceparent") + n_headers(response, "tracestate"), 0U);
  EXPECT_EQ(seen_->traceparent, "");
  response = get("/v1/models", {{"traceparent", kTrace}, {"traceparent", kTrace}});
  EXPECT_EQ(header(response, "traceparent"), "") << "two are none";
  response = get("/v1/models", {{"traceparent", kTrace}, {"tracestate", std::string(513, 'x')}});
  EXPECT_EQ(header(response, "traceparent"), kTrace);
  EXPECT_EQ(header(response, "tracestate"), "");
}

TEST(Traceparent, IsTheGrammarOfVersion00AndNothingElse) {
  EXPECT_TRUE(is_traceparent(kTrace));
  for (const std::string wrong : {"", "00", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                  "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                  "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
                                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
                                  "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"}) {
    EXPECT_FALSE(is_traceparent(wrong)) << wrong;
  }
  const auto hex = [](int n) {
    return rc::gen::container<std::string>(n, rc::gen::elementOf(std::string("0123456789abcdef")));
  };
  EXPECT_TRUE(rc::check([&] {
    const std::string trace = *hex(32);
    const std::string parent = *hex(16);
    RC_PRE(trace.find_first_not_of('0') != std::string::npos && parent.find_first_not_of('0') != std::string::npos);
    const std::string good = "00-" + trace + "-" + parent + "-" + *hex(2);
    RC_ASSERT(is_traceparent(good));
    // Any other character anywhere, one more or one less: not valid.
    std::string bad = good;
    const auto at = static_cast<size_t>(*rc::gen::inRange(0, 55));
    const char c = *rc::gen::suchThat<char>([&](char x) {
      const bool is_hex = (x >= '0' && x <= '9') || (x >= 'a' && x <= 'f');
      const bool id = at >= 3 && good[at] != '-';
      return id ? !is_hex : x != good[at];
    });
    bad[at] = c;
    RC_ASSERT(!is_traceparent(bad));
    RC_ASSERT(!is_traceparent(good + c));
    RC_ASSERT(!is_traceparent(good.substr(0, at)));
  }));
}

TEST_F(GateTest, WithKeysOnlyTheirHoldersGetThrough) {
  ASSERT_TRUE(keys_.add_lines("search:12345678\nbulk:abcdefgh", "keys"));
  start();
  const std::vector<std::vector<Header>> right = {{{"Authorization", "Bearer 12345678"}},
                                                  {{"authorization", "bearer   12345678"}},
                                                  {{"api-key", "12345678"}},
                                                  {{"X-Api-Key", "12345678"}},
                                                  {{"Authorization", "Bearer x"}, {"api-key", "12345678"}}};
  for (const auto& headers : right) {
    EXPECT_EQ(get("/v1/models", headers).status, 200);
    EXPECT_EQ(seen_->key_name, "search");
  }
  EXPECT_EQ(get("/v1/models", {{"api-key", "abcdefgh"}}).status, 200);
  EXPECT_EQ(seen_->key_name, "bulk");

  n_passed_ = 0;
  const std::vector<std::vector<Header>> wrong = {{},
                                                  {{"Authorization", "12345678"}},
                                                  {{"Authorization", "Basic 12345678"}},
                                                  {{"Authorization", "Bearer"}},
                                                  {{"Authorization", "Bearer "}},
                                                  {{"Authorization", "Bearer wr0ngkey"}},
                                                  {{"api-key", "search:12345678"}},
                                                  {{"api-key", "12345678 "}},
                                                  {{"x-key", "12345678"}}};
  for (const auto& headers : wrong) {
    for (const char* target :
         {"/v1/models", "/embeddings", "/nowhere", "http://h/v1/models", "/v1/health/live/x", "/v1/v1/health/live",
          "/v1/health/live/../x", "/v1/metrics", "/metrics/?x", "/v1/license", "/assets"}) {
      const Response refusal = get(target, headers);
      EXPECT_EQ(refusal.status, 401) << target;
      EXPECT_EQ(header(refusal, "WWW-Authenticate"), "Bearer");
      EXPECT_NE(header(refusal, "x-request-id"), "");
      const Json body = Json::parse(refusal.body);
      EXPECT_EQ(body["error"]["type"], "authentication_error");
      EXPECT_THAT(body["error"]["code"].get<std::string>(), MatchesRegex("(missing|invalid)_api_key"));
      EXPECT_THAT(refusal.body, Not(HasSubstr("wr0ng")));
    }
  }
  EXPECT_EQ(n_passed_, 0);
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="401"})"), 18.0);
  EXPECT_EQ(metric(R"(lode_errors_total{reason="missing_api_key"})") +
                metric(R"(lode_errors_total{reason="invalid_api_key"})"),
            99.0);
}

TEST_F(GateTest, WhatCarriesNoDataNeedsNoKeyAndProbesAsTheOptionsSay) {
  ASSERT_TRUE(keys_.add_lines("12345678", "keys"));
  start();
  for (const char* target : {"/", "/v1", "/v1/", "/?a=b", "/openapi.json", "/assets/page.js", "/v1/health/live",
                             "/health/ready/", "/v1/health/ready?verbose", "http://h/v1/health/live"}) {
    EXPECT_EQ(get(target).status, 200) << target;
  }
  EXPECT_EQ(call({.method = "OPTIONS", .target = "/v1/embeddings"}).status, 200);
  EXPECT_EQ(call({.method = "POST", .target = "/assets/page.js"}).status, 401);
  start({.open_health = false, .open_metrics = true});
  EXPECT_EQ(get("/v1/health/live").status, 401);
  EXPECT_EQ(get("/health/ready").status, 401);
  EXPECT_EQ(get("/v1/metrics").status, 200);
  EXPECT_EQ(get("/metrics").status, 200);
}

TEST_F(GateTest, CallsBeyondTheRateGet429AndLearnWhenToComeBack) {
  ASSERT_TRUE(keys_.add_lines("a:12345678\nb:abcdefgh", "keys"));
  start({.requests_per_minute = 6, .burst = 2});
  const std::vector<Header> a = {{"api-key", "12345678"}};
  Response response = get("/v1/models", a);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(header(response, "x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(header(response, "x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(header(response, "x-ratelimit-reset-requests"), "10s");
  EXPECT_EQ(get("/v1/models", a).status, 200);
  now_ += 500ms;
  response = get("/v1/models", a);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header(response, "Retry-After"), "10") << "9.5 s, in whole seconds that suffice";
  EXPECT_EQ(n_headers(response, "Retry-After"), 1U);
  EXPECT_EQ(header(response, "x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(header(response, "x-ratelimit-reset-requests"), "19.5s");
  EXPECT_EQ(Json::parse(response.body)["error"]["type"], "rate_limit_error");
  EXPECT_EQ(Json::parse(response.body)["error"]["code"], "rate_limit_exceeded");
  EXPECT_EQ(get("/v1/models", {{"api-key", "abcdefgh"}}).status, 200) << "each key has its own bucket";
  EXPECT_EQ(get("/v1/models").status, 401) << "and without one there is nothing to count";
  EXPECT_EQ(get("/v1/health/live", a).status, 200);
  EXPECT_EQ(header(get("/v1/health/live", a), "x-ratelimit-limit-requests"), "");
  EXPECT_EQ(get("/metrics", a).status, 200);
  EXPECT_EQ(get("/", a).status, 200);
  now_ += 10s;
  EXPECT_EQ(get("/v1/models", a).status, 200);
}

TEST_F(GateTest, WithoutKeysTheRateIsThatOfAnAddress) {
  start({.requests_per_minute = 1});
  EXPECT_EQ(call({.method = "GET", .target = "/v1/models", .peer = "10.0.0.1:1"}).status, 200);
  EXPECT_EQ(call({.method = "GET", .target = "/v1/models", .peer = "10.0.0.1:2"}).status, 429);
  EXPECT_EQ(call({.method = "GET", .target = "/v1/models", .peer = "10.0.0.2:1"}).status, 200);
}

TEST_F(GateTest, AllowedOriginsMayCallFromABrowserWithWhateverHeadersTheirClientSends) {
  ASSERT_TRUE(keys_.add_lines("12345678", "keys"));
  start({.cors_origins = {"https://app.example.com", "http://localhost:3000"}});
  const auto preflight = [&](const std::string& origin) {
    return call(
        {.method = "OPTIONS",
         .target = "/v1/embeddings",
         .headers = {{"Origin", origin},
                     {"Access-Control-Request-Method", "POST"},
                     {"Access-Control-Request-Headers", "authorization, X-Stainless-OS,bad name,x\ty, ,a\"b"}}});
  };
  Response response = preflight("https://app.example.com");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "https://app.example.com");
  EXPECT_EQ(n_headers(response, "Access-Control-Allow-Origin"), 1U);
  EXPECT_EQ(header(response, "Vary"), "Origin");
  EXPECT_THAT(header(response, "Access-Control-Allow-Methods"), HasSubstr("POST"));
  EXPECT_EQ(
      header(response, "Access-Control-Allow-Headers"),
      "authorization, content-type, api-key, x-api-key, x-request-id, traceparent, tracestate, x-request-timeout, "
      "x-stainless-os");
  EXPECT_EQ(header(response, "Access-Control-Max-Age"), "7200");
  EXPECT_EQ(n_passed_, 0);

  response = preflight("https://evil.example.com");
  EXPECT_EQ(n_headers(response, "Access-Control-Allow-Origin"), 0U);
  EXPECT_EQ(n_passed_, 1) << "it is an ordinary OPTIONS then";

  response = get("/v1/models", {{"Origin", "http://localhost:3000"}});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "http://localhost:3000") << "refusals can be read as well";
  EXPECT_THAT(header(response, "Access-Control-Expose-Headers"),
              HasSubstr("x-request-id, retry-after, x-lode-truncated"));
  response = get("/v1/models", {{"Origin", "http://localhost:3001"}});
  EXPECT_EQ(n_headers(response, "Access-Control-Allow-Origin"), 0U);
  EXPECT_EQ(header(response, "Vary"), "Origin");
  next_ = [](Request, Respond respond) { respond([] { return Response{.headers = {{"vary", "Accept"}}}; }); };
  EXPECT_EQ(header(get("/"), "vary"), "Accept, Origin");

  start({.cors_origins = {"*"}});
  response = preflight("https://evil.example.com");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
  start();
  response = preflight("https://app.example.com");
  EXPECT_EQ(n_headers(response, "Access-Control-Allow-Origin") + n_headers(response, "Vary"), 0U);
}

TEST(GateOptionsTest, OptionsThatMeanNothingAreRefused) {
  const ApiKeys keys;
  Metrics metrics;
  const auto make = [&](GateOptions options) { return Gate::make(std::move(options), keys, metrics).has_value(); };
  EXPECT_TRUE(make({.cors_origins = {"*", "https://a.b:8443", "http://[::1]:80", "chrome-extension://abc"}}));
  for (const char* origin :
       {"", "a.b", "https://", "https://a.b/", "https://A.b", "https://a.b, https://c.d", "null"}) {
    EXPECT_FALSE(make({.cors_origins = {origin}})) << origin;
  }
  EXPECT_FALSE(make({.requests_per_minute = -1}));
  EXPECT_FALSE(make({.requests_per_minute = std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(make({.requests_per_minute = 1, .burst = -1}));
}

TEST_F(GateTest, ARequestThatIsDroppedOrFailsIsAnsweredCountedAndNamed) {
  next_ = [](Request, Respond) {};
  start();
  Response response = get("/v1/models", {{"x-request-id", "lost"}});
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(header(response, "x-request-id"), "lost");
  next_ = [](Request, Respond respond) { respond([]() -> Response { throw std::runtime_error("no memory"); }); };
  testing::internal::CaptureStderr();
  response = get("/v1/models", {{"x-request-id", "failed"}});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("no memory"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(header(response, "x-request-id"), "failed");
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="500"})"), 2.0);
}

TEST_F(GateTest, WhoLeavesBeforeThereIsAnAnswerIsCountedOnce) {
  start();
  Request request{.method = "GET", .target = "/v1/models"};
  next_(request, gate_->admit(request, [](MakeResponse) {}));  // nobody asks for the response
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="499"})"), 1.0);
  call({.method = "GET", .target = "/v1/models"}, {.whole = false});
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="200"})"), 1.0);
  EXPECT_EQ(metric(R"(lode_errors_total{reason="aborted"})"), 2.0);
}

TEST_F(GateTest, WhatTheServerAnswersInItsPlaceIsNamedToo) {
  std::vector<Header> late;
  next_ = [&](const Request& request, Respond respond) {
    late = request.late_headers->get();
    respond([] { return Response{}; });
  };
  start({.cors_origins = {"https://app.example.com"}});
  const Response response =
      get("/v1/models", {{"x-request-id", "mine-1"}, {"traceparent", kTrace}, {"Origin", "https://app.example.com"}});
  EXPECT_EQ(late.size(), response.headers.size());
  EXPECT_EQ(header({.headers = late}, "x-request-id"), "mine-1");
  EXPECT_EQ(header({.headers = late}, "traceparent"), kTrace);
  EXPECT_EQ(header({.headers = late}, "Access-Control-Allow-Origin"), "https://app.example.com");
}

TEST_F(GateTest, AnAnswerAfterTheDeadlineCountsAsWhatThePeerWasGiven) {
  log_ = true;
  start();
  testing::internal::CaptureStderr();
  call({.method = "GET", .target = "/v1/models"}, {.whole = false, .status = 504});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, HasSubstr("GET /v1/models 504 "));
  EXPECT_THAT(line, HasSubstr("error=deadline_exceeded\n"));
  EXPECT_EQ(metric(R"(lode_requests_total{method="GET",route="/v1/models",status="504"})"), 1.0);
  EXPECT_EQ(metric(R"(lode_errors_total{reason="deadline_exceeded"})"), 1.0);
  EXPECT_EQ(metric(R"(lode_errors_total{reason="aborted"})"), 0.0);
}

TEST_F(GateTest, WhatHttpRefusesIsCountedAndLogged) {
  log_ = true;
  start();
  const auto refused = [&](const EarlyRefusal& refusal) {
    Response response{.status = refusal.status};
    gate_->on_http_refused(refusal, response);
    response.on_sent({.n_bytes = 321, .seconds = 0.5, .whole = true, .status = refusal.status});
    return header(response, "x-request-id");
  };
  testing::internal::CaptureStderr();
  const std::string id = refused({431, "header_too_large", "10.0.0.1:5"});
  EXPECT_THAT(id, MatchesRegex("req_[0-9a-f]{32}"));
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      MatchesRegex(".*- - 431 500.0 ms 0 bytes in 321 out peer=10.0.0.1:5 id=" + id + " error=header_too_large\n"));
  EXPECT_EQ(metric(R"(lode_http_refused_total{status="431"})"), 1.0);
  EXPECT_EQ(refused({413, "body_too_large", "10.0.0.1:5", "mine"}), "mine");
  EXPECT_NE(refused({413, "body_too_large", "10.0.0.1:5", "not one"}), "not one");
}

TEST_F(GateTest, ATimeoutThatIsNoneIsRefusedByNameAndIsARequestAsAnyOther) {
  log_ = true;
  start({.cors_origins = {"https://app.example.com"}});
  for (const char* value : {"soon", "-1", "0", "", "1e3", "nan", "inf", "1 2", "0x10"}) {
    testing::internal::CaptureStderr();
    const Response response = call({.method = "POST",
                                    .target = "/v1/embeddings",
                                    .headers = {{"x-request-id", "mine"},
                                                {"Origin", "https://app.example.com"},
                                                {"X-Request-Timeout", "5"},
                                                {"X-Request-Timeout", value}},
                                    .body = "text"});
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                MatchesRegex(".*POST /v1/embeddings 400 .* 4 bytes in 100 out .*id=mine error=invalid_header\n"));
    EXPECT_EQ(response.status, 400) << value;
    EXPECT_EQ(Json::parse(response.body)["error"]["param"], "x-request-timeout") << value;
    EXPECT_EQ(header(response, "x-request-id"), "mine");
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "https://app.example.com");
  }
  EXPECT_EQ(n_passed_, 0);
  EXPECT_EQ(get("/v1/models", {{"x-request-timeout", "99999999999999999999"}}).status, 200);
  EXPECT_EQ(metric(R"(lode_requests_total{method="POST",route="/v1/embeddings",status="400"})"), 9.0);
  EXPECT_EQ(metric(R"(lode_errors_total{reason="invalid_header"})"), 9.0);
  EXPECT_EQ(metric(R"(lode_http_refused_total{status="400"})"), 0.0);
}

TEST_F(GateTest, TheLogHasOneLineARequestWithoutKeysTextsAndQueries) {
  ASSERT_TRUE(keys_.add_lines("search:s3cretkey", "keys"));
  log_ = true;
  log::set_json(true);
  const auto logged = [&](const std::string& target, const std::string& key) {
    testing::internal::CaptureStderr();
    call({.method = "POST",
          .target = target,
          .headers = {{"api-key", key}, {"x-request-id", "r1"}, {"traceparent", kTrace}},
          .body = "private text",
          .peer = "10.0.0.1:5"});
    return testing::internal::GetCapturedStderr();
  };
  start();
  std::string line = logged("/v1/embeddings?token=s3cretkey", "s3cretkey");
  EXPECT_THAT(line, Not(HasSubstr("s3cret")));
  EXPECT_THAT(line, Not(HasSubstr("private")));
  const Json entry = Json::parse(line);
  EXPECT_EQ(entry["path"], "/v1/embeddings");
  EXPECT_EQ(entry["key"], "search");
  EXPECT_EQ(entry["traceparent"], kTrace);
  EXPECT_EQ(entry["request_id"], "r1");
  EXPECT_EQ(entry["bytes_in"], 12);
  EXPECT_EQ(entry["bytes_out"], 100);
  line = logged("/v1/embeddings", "s3cretkex");
  EXPECT_EQ(Json::parse(line)["status"], 401);
  EXPECT_EQ(Json::parse(line)["error"], "invalid_api_key");
  EXPECT_THAT(line, Not(HasSubstr("s3cret")));
  EXPECT_EQ(logged("/v1/health/ready", "s3cretkey"), "");
  log::set_level(log::Level::debug);
  EXPECT_EQ(Json::parse(logged("/v1/health/ready", "s3cretkey"))["level"], "debug");
  EXPECT_THAT(logged("/v1/embeddings", "s3cretkey"), Not(HasSubstr("private"))) << "not at level debug either";
  start({.log_texts = true});
  EXPECT_THAT(logged("/v1/embeddings", "s3cretkey"), HasSubstr(R"("body":"private text")")) << "unless asked";
  log::set_level(log::Level::info);
  EXPECT_THAT(logged("/v1/embeddings", "s3cretkey"), Not(HasSubstr("private")));
  start({.access_log = false});
  EXPECT_EQ(logged("/v1/embeddings", "s3cretkey"), "");
  log::set_json(false);
}

}  // namespace
}  // namespace lode::server
