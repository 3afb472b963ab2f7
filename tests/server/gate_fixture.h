// A gate by a clock that stands, in front of what a test puts there, or of a server of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "exposition.h"
#include "server/gate.h"
#include "server/http.h"

namespace lode::server {

// A trace context that is valid.
inline constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

inline std::string header(const Response& response, std::string_view name) {
  for (const Header& h : response.headers) {
    if (h.name == name) return h.value;
  }
  return {};
}

class GateTest : public ::testing::Test {
 protected:
  void start(GateOptions options = {}) {
    options.access_log = options.access_log && log_;
    options.now = [this] { return now_; };
    auto made = Gate::make(std::move(options), keys_, metrics_);
    ASSERT_TRUE(made) << made.error().line();
    gate_ = std::move(*made);
  }

  Response call(Request request, Sent sent = {.n_bytes = 100, .seconds = 0, .whole = true}) {
    std::optional<Response> response;
    auto respond = gate_->admit(request, [&](MakeResponse make) { response = make(); });
    if (respond) {
      ++n_passed_;
      seen_ = request.exchange;
      next_(std::move(request), std::move(respond));
    }
    if (!response) return {.status = 0};
    if (sent.status == 0) sent.status = response->status;
    if (response->on_sent) response->on_sent(sent);
    return std::move(*response);
  }
  // A gate in front of a server of its own, by the real clock.
  Result<std::unique_ptr<HttpServer>> serve(GateOptions options, HttpOptions http, Handler handler) {
    LODE_ASSIGN(gate_, Gate::make(std::move(options), keys_, metrics_));
    http.port = 0;
    http.admit = [this](Request& request, Respond respond) { return gate_->admit(request, std::move(respond)); };
    http.on_refused = [this](const EarlyRefusal& refusal, Response& response) {
      gate_->on_http_refused(refusal, response);
    };
    return HttpServer::listen(http, std::move(handler));
  }
  Response get(const std::string& target, std::vector<Header> headers = {}) {
    return call({.method = "GET", .target = target, .headers = std::move(headers), .peer = "10.0.0.1:5000"});
  }
  double metric(const std::string& series) {
    const Exposition exposition = read_exposition(metrics_.text());
    EXPECT_EQ(exposition.error, "");
    return exposition.value(series).value_or(-1);
  }

  // What the gate stands in front of.
  std::function<void(Request, Respond)> next_ = [](Request request, Respond respond) {
    request.exchange->route = "/v1/models";
    respond([] { return Response{.body = "answer"}; });
  };
  ApiKeys keys_;
  Metrics metrics_;
  std::chrono::steady_clock::time_point now_{std::chrono::seconds(1000)};
  bool log_ = false;
  int n_passed_ = 0;
  std::shared_ptr<Exchange> seen_;
  std::unique_ptr<Gate> gate_;
};

}  // namespace lode::server
