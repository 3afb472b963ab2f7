#include "server/gate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/log.h"
#include "server/access_log.h"
#include "server/api_error.h"
#include "server/cors.h"
#include "server/rate_limit.h"
#include "server/request_timeout.h"
#include "server/route_table.h"
#include "server/trace.h"

namespace lode::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxLoggedText = 2048;
// No answer was made: the client was gone. The status is nginx's.
constexpr int kClientGone = 499;

enum class Kind : uint8_t { api, health, metrics, open };

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The target without its query.
std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

// By the table that the routes dispatch with, so that no target is open here and something else there.
Kind kind_of(const RouteEntry* route, std::string_view path, const Request& request) {
  if (request.method == "OPTIONS") return Kind::open;
  if (route != nullptr) {
    switch (route->route) {
      case Route::live:
      case Route::ready: return Kind::health;
      case Route::metrics: return Kind::metrics;
      case Route::greeting:
      case Route::openapi: return Kind::open;
      default: return Kind::api;
    }
  }
  const bool asset = path.starts_with("/assets/");
  return asset && (request.method == "GET" || request.method == "HEAD") ? Kind::open : Kind::api;
}

// What a header field says after "Bearer ".
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer";
  if (value.size() <= kScheme.size() || value[kScheme.size()] != ' ' ||
      !is_header(value.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  value.remove_prefix(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
  return value;
}

std::string seconds_text(double seconds) {
  return fmt::format("{:.0f}", std::max(1.0, std::ceil(seconds)));
}

// As OpenAI's servers have it: "120ms", "8.64s", "6m0s".
std::string reset_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f}ms", std::ceil(seconds * 1000));
  if (seconds < 60) return fmt::format("{:.4g}s", seconds);
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  return whole < 3600 ? fmt::format("{}m{}s", whole / 60, whole % 60)
                      : fmt::format("{}h{}m{}s", whole / 3600, whole / 60 % 60, whole % 60);
}

void log_text(const std::string& request_id, std::string_view body) {
  if (!log::enabled(log::Level::debug)) return;
  body = body.substr(0, kMaxLoggedText);
  if (log::is_json()) {
    log::record(log::Level::debug,
                fmt::format(R"("request_id":{},"body":{})", json::quote(request_id), json::quote(body)));
  } else {
    log::debug("body of {}: {}", request_id, body);
  }
}

}  // namespace

struct Gate::Core {
  GateOptions options;
  const ApiKeys& keys;
  Metrics& metrics;
  Cors cors;
  std::unique_ptr<RateLimiter> limiter{};  // empty: no limit
};

// One request from its arrival to its end. Shared by whoever still has to do with it; what ends it, the last byte or
// the last owner, counts and logs it.
class Gate::Flight {
 public:
  Flight(std::shared_ptr<Core> core, const Request& request)
      : core_(std::move(core)),
        started_(core_->options.now()),
        exchange_(request.exchange),
        method_(request.method),
        path_(path_of(request.target)),
        peer_(request.peer),
        tls_subject_(request.tls_subject),
        n_bytes_in_(request.body.size()) {
    bool traced_twice = false;
    for (const Header& header : request.headers) {
      if (is_header(header.name, "x-request-id")) {
        if (exchange_->request_id.empty() && is_request_id(header.value)) exchange_->request_id = header.value;
      } else if (is_header(header.name, "traceparent")) {
        traced_twice = traced_twice || !exchange_->traceparent.empty();
        if (is_traceparent(header.value)) exchange_->traceparent = header.value;
      } else if (is_header(header.name, "tracestate")) {
        tracestate_ += (tracestate_.empty() ? "" : ",") + header.value;
      } else if (is_header(header.name, "origin")) {
        origin_ = header.value;
      }
    }
    if (exchange_->request_id.empty()) exchange_->request_id = new_request_id();
    if (traced_twice) exchange_->traceparent.clear();
    if (exchange_->traceparent.empty() || !is_tracestate(tracestate_)) tracestate_.clear();
    const RouteEntry* const route = find_route(request.target);
    if (route != nullptr) route_ = route->name;
    kind_ = kind_of(route, path_, request);
  }
  ~Flight() {
    if (!ended_) end({.status = kClientGone});
  }
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  [[nodiscard]] ErrorStyle style() const { return core_->options.strict_nim ? ErrorStyle::nim : ErrorStyle::openai; }

  // The answer, if it is the gate that answers.
  std::optional<Response> answer(const Request& request) {
    auto response = core_->cors.preflight(request);
    if (!response) response = check_key(request);
    if (!response) response = check_rate(request);
    if (!response) response = check_timeout(request);
    return response;
  }

  // What every response gets on its way out, whoever makes it.
  void decorate(Response& response) const {
    response.headers.push_back({"x-request-id", exchange_->request_id});
    if (!exchange_->traceparent.empty()) response.headers.push_back({"traceparent", exchange_->traceparent});
    if (!tracestate_.empty()) response.headers.push_back({"tracestate", tracestate_});
    if (limited_) {
      response.headers.push_back({"x-ratelimit-limit-requests", fmt::format("{}", verdict_.limit)});
      response.headers.push_back({"x-ratelimit-remaining-requests", fmt::format("{}", verdict_.remaining)});
      response.headers.push_back({"x-ratelimit-reset-requests", reset_text(verdict_.full_s)});
    }
    core_->cors.decorate(response, origin_);
  }

  // `self` keeps this alive until the response is sent.
  Response finish(Response response, const std::shared_ptr<Flight>& self) {
    decorate(response);
    response.on_sent = [self, before = std::move(response.on_sent)](const Sent& sent) {
      if (before) before(sent);
      self->end(sent);
    };
    return response;
  }

 private:
  std::optional<Response> check_key(const Request& request) {
    if (core_->keys.empty()) return {};
    bool shown = false;
    for (const Header& header : request.headers) {
      std::string_view key;
      if (is_header(header.name, "authorization")) {
        key = bearer(header.value);
      } else if (is_header(header.name, "api-key") || is_header(header.name, "x-api-key")) {
        key = header.value;
      }
      if (key.empty()) continue;
      shown = true;
      if (const auto index = core_->keys.find(key)) {
        exchange_->key_name = core_->keys.name(*index);
        return {};
      }
    }
    // Needing none is asked last, so that the log knows whose probe it was.
    if (kind_ == Kind::open || (kind_ == Kind::health && core_->options.open_health) ||
        (kind_ == Kind::metrics && core_->options.open_metrics)) {
      return {};
    }
    exchange_->error = shown ? "invalid_api_key" : "missing_api_key";
    Response refusal =
        error_response({.code = Code::permission,
                        .message = shown ? "The API key is not accepted here" : "This server asks for an API key",
                        .hint = "Send one that its operator has given you, as `Authorization: Bearer KEY` or as "
                                "`api-key: KEY`.",
                        .reason = exchange_->error},
                       style());
    refusal.headers.push_back({"WWW-Authenticate", "Bearer"});
    return refusal;
  }

  std::optional<Response> check_rate(const Request& request) {
    if (!core_->limiter || kind_ != Kind::api) return {};
    limited_ = true;
    const bool by_key = !exchange_->key_name.empty();
    verdict_ = core_->limiter->take(by_key ? "key " + exchange_->key_name : rate_limit_peer(request.peer), started_);
    if (verdict_.allowed) return {};
    exchange_->error = "rate_limit_exceeded";
    const std::string wait = seconds_text(verdict_.retry_s);
    Response refusal = error_response(
        {.code = Code::overloaded,
         .message = fmt::format("Too many requests with this {}: {:g} a minute are allowed, {} at once",
                                by_key ? "API key" : "address", core_->options.requests_per_minute, verdict_.limit),
         .hint = fmt::format("Send the next one in {} s.", wait),
         .reason = exchange_->error},
        style());
    std::erase_if(refusal.headers, [](const Header& h) { return is_header(h.name, "retry-after"); });
    refusal.headers.push_back({"Retry-After", wait});
    return refusal;
  }

  std::optional<Response> check_timeout(const Request& request) {
    for (const Header& header : request.headers) {
      if (!is_header(header.name, kTimeoutField)) continue;
      const auto timeout = parse_timeout(header.value);
      if (timeout) continue;
      exchange_->error = reason_of(timeout.error());
      return error_response(timeout.error(), style());
    }
    return {};
  }

  void end(const Sent& sent) {
    ended_ = true;
    // The server's own answer when the deadline came first; it is whole, though this one never went out.
    const bool late = sent.status == 504 && !sent.whole;
    const bool whole = sent.whole || late;
    if (late) exchange_->error = "deadline_exceeded";
    if (exchange_->route.empty()) exchange_->route = route_;
    const double total_s = seconds_between(started_, core_->options.now());
    core_->metrics.on_request(
        *exchange_,
        {.method = method_, .status = sent.status, .total_s = total_s, .write_s = sent.seconds, .whole = whole});
    if (!core_->options.access_log) return;
    log_access({.exchange = *exchange_,
                .method = method_,
                .path = path_,
                .peer = peer_,
                .tls_subject = tls_subject_,
                .status = sent.status,
                .total_s = total_s,
                .write_s = sent.seconds,
                .n_bytes_in = n_bytes_in_,
                .n_bytes_out = sent.n_bytes,
                .aborted = !whole,
                .quiet = kind_ == Kind::health || kind_ == Kind::metrics});
  }

  const std::shared_ptr<Core> core_;
  const Clock::time_point started_;
  const std::shared_ptr<Exchange> exchange_;
  const std::string method_;
  const std::string path_;
  const std::string peer_;
  const std::string tls_subject_;
  const size_t n_bytes_in_;
  std::string tracestate_;
  std::string origin_;
  std::string_view route_;  // name in the route table; empty: unknown
  Kind kind_ = Kind::api;
  bool limited_ = false;
  RateLimiter::Verdict verdict_;
  bool ended_ = false;
};

Gate::Gate(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Gate::~Gate() = default;

Result<std::unique_ptr<Gate>> Gate::make(GateOptions options, const ApiKeys& keys, Metrics& metrics) {
  const auto out_of_range = [](double value) { return !(value >= 0 && value <= 1e9); };
  if (out_of_range(options.requests_per_minute) || out_of_range(options.burst)) {
    return fail(
        Code::invalid_argument,
        fmt::format("a rate limit of {:g} requests a minute, {:g} at once", options.requests_per_minute, options.burst),
        "Both must be between 0 and 1e9; 0 requests a minute means no limit.");
  }
  LODE_ASSIGN(Cors cors, Cors::make(options.cors_origins));
  auto core = std::make_shared<Core>(std::move(options), keys, metrics, std::move(cors));
  if (core->options.requests_per_minute > 0) {
    const double burst = core->options.burst > 0 ? core->options.burst : core->options.requests_per_minute;
    core->limiter = std::make_unique<RateLimiter>(core->options.requests_per_minute, burst);
  }
  return std::unique_ptr<Gate>(new Gate(std::move(core)));
}

namespace {

// The Respond that the routes get. Dropped without a call it answers as the server would, but named and counted.
template <class Finish>
class Answer {
 public:
  Answer(Respond respond, ErrorStyle style, Finish finish)
      : respond_(std::move(respond)), style_(style), finish_(std::move(finish)) {}
  Answer(Answer&& other) noexcept
      : respond_(std::exchange(other.respond_, nullptr)), style_(other.style_), finish_(std::move(other.finish_)) {}
  Answer& operator=(Answer&&) = delete;
  ~Answer() {
    if (respond_) (*this)([style = style_] { return no_answer(style); });
  }

  void operator()(MakeResponse make) {
    if (!respond_) return;
    Respond respond = std::exchange(respond_, nullptr);
    respond([make = std::move(make), style = style_, finish = std::move(finish_)]() mutable {
      try {
        return finish(make());
      } catch (const std::exception& e) {
        log::error("an answer could not be made: {}", e.what());
        return finish(no_answer(style));
      }
    });
  }

 private:
  static Response no_answer(ErrorStyle style) {
    return error_response({.code = Code::internal, .message = "The answer could not be made", .hint = {}}, style);
  }

  Respond respond_;
  ErrorStyle style_;
  Finish finish_;
};

}  // namespace

void Gate::on_http_refused(const EarlyRefusal& refusal, Response& response) {
  core_->metrics.on_http_refused(refusal.status);
  const bool named = is_request_id(refusal.request_id);
  Exchange exchange{.request_id = named ? std::string(refusal.request_id) : new_request_id(),
                    .error = std::string(refusal.reason)};
  response.headers.push_back({"x-request-id", exchange.request_id});
  core_->cors.decorate(response, refusal.origin);
  if (!core_->options.access_log) return;
  response.on_sent = [exchange = std::move(exchange), peer = std::string(refusal.peer)](const Sent& sent) {
    log_access({.exchange = exchange,
                .method = "-",
                .path = "-",
                .peer = peer,
                .status = sent.status,
                .total_s = sent.seconds,
                .write_s = sent.seconds,
                .n_bytes_out = sent.n_bytes,
                .aborted = !sent.whole});
  };
}

Respond Gate::admit(Request& request, Respond respond) {
  const auto flight = std::make_shared<Flight>(core_, request);
  if (core_->options.log_texts && !request.body.empty()) log_text(request.exchange->request_id, request.body);
  Answer answer(std::move(respond), flight->style(),
                [flight](Response response) { return flight->finish(std::move(response), flight); });
  if (auto response = flight->answer(request)) {
    answer([response = std::move(*response)]() mutable { return std::move(response); });
    return {};
  }
  Response late;
  flight->decorate(late);
  request.late_headers->set(std::move(late.headers));
  return answer;
}

}  // namespace lode::server
