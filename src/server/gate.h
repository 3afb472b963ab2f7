// What stands in front of the routes, for every request alike: who calls and whether they may (API key, rate limit),
// what the request is called (x-request-id, traceparent), which browsers may call (CORS), and what is known of it when
// it has ended (metrics, access log). All of it is cheap, so that it is done before a large request waits for a thread
// that handles it.
//
// Refuses: a missing or wrong key (401), more calls than the limit (429), an x-request-timeout that is no number of
// seconds (400). With keys configured these need none:
// OPTIONS, the page at / with its assets and /openapi.json (they carry no data), and health and metrics as the options
// say. Those, health and metrics always among them, are not limited either. Behind a proxy all callers without a key
// are one peer.
//
// admit() is called by many threads at once. Every answer is counted and logged exactly once, also when the client
// left first or the handler dropped the request. Metrics and keys outlive every request.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/api_keys.h"
#include "server/http.h"
#include "server/metrics.h"

namespace lode::server {

struct GateOptions {
  std::vector<std::string> cors_origins{};  // "https://app.example.com"; "*": all; empty: off
  bool open_health = true;                  // health without a key
  bool open_metrics = false;                // metrics without a key
  double requests_per_minute = 0;           // of a key or, without keys, of a peer's address; 0: no limit
  double burst = 0;                         // requests at once; 0: those of a minute
  bool strict_nim = false;                  // refusals in the shape that NIM gives them, as RoutesOptions has it
  bool access_log = true;
  bool log_texts = false;  // the first 2 kB of bodies, at level debug
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

class Gate {
 public:
  // Errors: invalid_argument for origins, limits and bursts that mean nothing.
  static Result<std::unique_ptr<Gate>> make(GateOptions options, const ApiKeys& keys, Metrics& metrics);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // For HttpOptions::admit. What it gives must be called with an answer to `request`, or dropped: then it answers 500.
  Respond admit(Request& request, Respond respond);
  // Counts, names and logs what the HTTP server has refused before it was a request; for HttpOptions::on_refused.
  void on_http_refused(const EarlyRefusal& refusal, Response& response);

 private:
  struct Core;
  class Flight;
  explicit Gate(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;  // shared with the requests that are under way
};

}  // namespace lode::server
