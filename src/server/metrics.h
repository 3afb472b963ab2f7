// What Prometheus is told. Every family and every label value that is known is there, at 0, from the first scrape on;
// what clients make up (paths, methods, reasons) is counted as "other", so that the number of series is bounded.
// Refuses nothing. add_model() is called at start, the on_ functions by any thread, text() by whoever scrapes;
// prometheus-cpp is hidden in metrics.cc.
//
//   lode_requests_total{route,method,status}   answered requests; status 499: the client left before there was an
//   answer lode_request_duration_seconds{route}       from the whole request to the last byte of the answer
//   lode_request_{tokenize,queue,compute,format,write}_seconds
//                                              parts of it, each for the requests that have the part
//   lode_inputs_total{model}, lode_tokens_total{model}, lode_truncated_inputs_total{model},
//   lode_empty_inputs_total{model}
//                                              of answered requests; tokens after truncation
//   lode_errors_total{reason}                  answers that refuse, and "aborted": the client left before the end
//   lode_http_refused_total{status}            malformed, slow and oversize requests that were no request yet
//   lode_pass_duration_seconds{model}, lode_pass_tokens{model}, lode_pass_fill_ratio{model}, lode_pass_requests{model}
//                                              one observation a forward pass; fill is tokens to the pass's budget
//   lode_queue_tokens{model}, lode_queue_requests{model}, lode_queue_limit_tokens{model},
//   lode_queue_limit_requests{model}
//                                              what waits, and what may
//   lode_connections                           open, of clients
//   lode_model_load_seconds{model}, lode_build_info{version,isa}
//   process_resident_memory_bytes, process_virtual_memory_bytes, process_cpu_seconds_total, process_open_fds,
//   process_max_fds, process_start_time_seconds, process_threads
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "embed/engine.h"
#include "embed/queue.h"
#include "server/exchange.h"

namespace lode::server {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct MetricsOptions {
  std::string version{};
  std::string isa{};  // of the kernels: "avx2"
};

// A request that has ended.
struct Ended {
  std::string_view method{};
  int status = 0;
  double total_s = 0;
  double write_s = 0;
  bool whole = true;  // the answer was sent to its last byte
};

class Metrics {
 public:
  explicit Metrics(const MetricsOptions& options = {});
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `queue` is asked at each scrape, on the scraping thread.
  void add_model(const std::string& name, double load_seconds, const embed::QueueOptions& limits,
                 std::function<embed::QueueState()> queue);
  // Asked at each scrape: how many connections are open.
  void set_connections(std::function<int64_t()> count);

  void on_request(const Exchange& exchange, const Ended& ended);
  void on_http_refused(int status);
  void on_pass(const embed::Pass& pass);  // the engine's thread

  // The text exposition format, of kMetricsContentType.
  [[nodiscard]] std::string text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::server
