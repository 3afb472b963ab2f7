#include "server/metrics.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "server/process_stats.h"
#include "server/route_table.h"

namespace lode::server {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

constexpr std::string_view kOther = "other";
constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "POST", "OPTIONS", kOther};
// The last one stands for all that are not here. Most are pre-registered for no route: they come when they are met.
constexpr std::array<int, 20> kStatuses = {200, 202, 204, 304, 400, 401, 403, 404, 405, 408,
                                           413, 415, 422, 429, 431, 499, 500, 503, 504, 0};
// Those are there at 0 from the start.
constexpr std::array<int, 8> kUsualStatuses = {200, 400, 401, 404, 413, 429, 500, 503};
constexpr std::array<int, 5> kHttpRefusals = {400, 408, 413, 431, 0};

// Every Exchange::error that routes and gate give, in the order of who does, and the names of base/error.h; the test of
// metrics looks for each in the sources.
constexpr auto kReasons = std::to_array<std::string_view>({
    "aborted",
    "invalid_api_key",
    "missing_api_key",
    "rate_limit_exceeded",
    "invalid_header",
    "deadline_exceeded",
    "route_not_found",
    "method_not_allowed",
    "model_not_found",
    "no_index",
    "index_not_found",
    "origin_not_allowed",
    "unsupported_protocol_version",
    "body_too_large",
    "json_invalid",
    "missing",
    "string_type",
    "list_type",
    "bool_type",
    "int_type",
    "dict_type",
    "literal_error",
    "value_error",
    "extra_forbidden",
    "too_long",
    "too_short",
    "string_too_long",
    "string_too_short",
    "greater_than_equal",
    "less_than_equal",
    "context_length_exceeded",
    "invalid_argument",
    "not_found",
    "too_large",
    "corrupt",
    "unsupported",
    "io",
    "permission",
    "overloaded",
    "unavailable",
    "cancelled",
    "deadline",
    "internal",
    kOther,
});

const Buckets kRequestSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                 1,     2.5,    5,     10,   30,    60,   120, 300,  600};
const Buckets kPartSeconds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                              0.05,    0.1,    0.25,    0.5,    1,     2.5,    5,     10,   60};
const Buckets kPassTokens = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
const Buckets kPassRequests = {1, 2, 4, 8, 16, 32, 64, 128, 256};
const Buckets kFill = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

template <class Array, class Value>
size_t index_or_last(const Array& known, const Value& value) {
  const auto found = std::find(known.begin(), known.end(), value);
  return found == known.end() ? known.size() - 1 : static_cast<size_t>(found - known.begin());
}

std::string status_label(int status) {
  return status == 0 ? std::string(kOther) : fmt::format("{}", status);
}

// For refusals without a reason of their own.
std::string_view reason_of_status(int status) {
  switch (status) {
    case 400: return "invalid_argument";
    case 401: return "permission";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 413: return "too_large";
    case 429: return "overloaded";
    case 499: return "aborted";
    case 500: return "internal";
    case 503: return "unavailable";
    case 504: return "deadline_exceeded";
    default: return kOther;
  }
}

struct Model {
  std::string name;
  Counter& inputs;
  Counter& tokens;
  Counter& truncated;
  Counter& empty;
  Histogram& pass_seconds;
  Histogram& pass_tokens;
  Histogram& pass_fill;
  Histogram& pass_requests;
  Gauge& queue_tokens;
  Gauge& queue_requests;
  std::function<embed::QueueState()> queue;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  Family<Counter>& counters(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauges(const std::string& name, const std::string& help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const std::string& name, const std::string& help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  Histogram& part(std::string_view name, std::string_view help) {
    return histograms(fmt::format("lode_request_{}_seconds", name), fmt::format("Seconds of requests {}", help))
        .Add({}, kPartSeconds);
  }

  Family<Counter>& requests = counters("lode_requests_total", "Answered requests");
  Family<Histogram>& durations =
      histograms("lode_request_duration_seconds", "Seconds from the whole request to the last byte of the answer");
  Histogram& tokenize = part("tokenize", "spent on making tokens of their texts");
  Histogram& queue = part("queue", "spent waiting for their first pass");
  Histogram& compute = part("compute", "spent in the passes that they were part of");
  Histogram& format = part("format", "spent on making the answer's body");
  Histogram& write = part("write", "spent on sending the answer");
  Family<Counter>& inputs = counters("lode_inputs_total", "Texts of answered requests");
  Family<Counter>& tokens = counters("lode_tokens_total", "Tokens of answered requests, after truncation");
  Family<Counter>& truncated = counters("lode_truncated_inputs_total", "Texts that were cut");
  Family<Counter>& empty = counters("lode_empty_inputs_total", "Texts of white space only");
  Family<Counter>& errors = counters("lode_errors_total", "Refused and aborted requests");
  Family<Counter>& refused = counters("lode_http_refused_total", "Refused before they were a whole request");
  Family<Histogram>& pass_seconds = histograms("lode_pass_duration_seconds", "Seconds of a forward pass");
  Family<Histogram>& pass_tokens = histograms("lode_pass_tokens", "Tokens of a forward pass");
  Family<Histogram>& pass_fill = histograms("lode_pass_fill_ratio", "Tokens of a forward pass to its budget");
  Family<Histogram>& pass_requests = histograms("lode_pass_requests", "Requests that a forward pass served");
  Family<Gauge>& queue_tokens = gauges("lode_queue_tokens", "Tokens that wait");
  Family<Gauge>& queue_requests = gauges("lode_queue_requests", "Requests that wait");
  Family<Gauge>& limit_tokens = gauges("lode_queue_limit_tokens", "Tokens that may wait; beyond them requests get 429");
  Family<Gauge>& limit_requests =
      gauges("lode_queue_limit_requests", "Requests that may wait; beyond them they get 429");
  Gauge& connections = gauges("lode_connections", "Open connections of clients").Add({});
  Family<Gauge>& load_seconds = gauges("lode_model_load_seconds", "Seconds that loading the model took");
  Family<Gauge>& build_info = gauges("lode_build_info", "1, with what runs in the labels");

  Gauge& resident = gauges("process_resident_memory_bytes", "Resident memory size in bytes").Add({});
  Gauge& virtual_memory = gauges("process_virtual_memory_bytes", "Virtual memory size in bytes").Add({});
  Counter& cpu = counters("process_cpu_seconds_total", "Total user and system CPU time spent in seconds").Add({});
  Gauge& open_fds = gauges("process_open_fds", "Number of open file descriptors").Add({});
  Gauge& max_fds = gauges("process_max_fds", "Maximum number of open file descriptors").Add({});
  Gauge& start_time = gauges("process_start_time_seconds", "Start time of the process since 1970 in seconds").Add({});
  Gauge& threads = gauges("process_threads", "Number of threads").Add({});

  struct KnownRoute {
    std::string path;
    std::string_view method;  // its series are there from the start
  };
  std::vector<KnownRoute> routes;  // the route table's, and one more for all others
  // Series by number, so that no request looks one up by its labels. Empty ones are made when they are met.
  std::vector<std::atomic<Counter*>> requests_by;  // [route][method][status]
  std::vector<Histogram*> duration_of;             // by route
  std::array<Counter*, kReasons.size()> error_by{};
  std::array<Counter*, kHttpRefusals.size()> refused_by{};

  mutable std::shared_mutex models_mutex;
  std::deque<Model> models;

  std::mutex scraping;  // and set_connections
  std::function<int64_t()> count_connections;

  explicit Impl(const MetricsOptions& options)
      : requests_by((route_table().size() + 1) * kMethods.size() * kStatuses.size()) {
    for (const RouteEntry& entry : route_table()) {
      routes.push_back({.path = std::string(entry.name), .method = entry.post ? "POST" : "GET"});
    }
    routes.push_back({.path = std::string(kOther), .method = kOther});
    for (size_t r = 0; r < routes.size(); ++r) {
      duration_of.push_back(&durations.Add({{"route", routes[r].path}}, kRequestSeconds));
      for (const int status : kUsualStatuses) {
        requests_of(r, index_or_last(kMethods, routes[r].method), index_or_last(kStatuses, status));
      }
    }
    for (size_t i = 0; i < kReasons.size(); ++i) error_by[i] = &errors.Add({{"reason", std::string(kReasons[i])}});
    for (size_t i = 0; i < kHttpRefusals.size(); ++i) {
      refused_by[i] = &refused.Add({{"status", status_label(kHttpRefusals[i])}});
    }
    build_info.Add({{"version", options.version}, {"isa", options.isa}}).Set(1);
  }

  [[nodiscard]] size_t route_index(std::string_view path) const {
    for (size_t i = 0; i + 1 < routes.size(); ++i) {
      if (routes[i].path == path) return i;
    }
    return routes.size() - 1;
  }

  Counter& requests_of(size_t route, size_t method, size_t status) {
    auto& slot = requests_by[(route * kMethods.size() + method) * kStatuses.size() + status];
    Counter* counter = slot.load(std::memory_order_acquire);
    if (counter == nullptr) {
      // Adding labels that are there gives the same series, so two threads may do it.
      counter = &requests.Add({{"route", routes[route].path},
                               {"method", std::string(kMethods[method])},
                               {"status", status_label(kStatuses[status])}});
      slot.store(counter, std::memory_order_release);
    }
    return *counter;
  }

  // Models are only ever added, and their places do not move.
  Model* find_model(std::string_view name) {
    const std::shared_lock lock(models_mutex);
    const auto found = std::ranges::find(models, name, &Model::name);
    return found == models.end() ? nullptr : &*found;
  }
};

Metrics::Metrics(const MetricsOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Metrics::~Metrics() = default;

void Metrics::add_model(const std::string& name, double load_seconds, const embed::QueueOptions& limits,
                        std::function<embed::QueueState()> queue) {
  Impl& m = *impl_;
  const prometheus::Labels labels = {{"model", name}};
  m.load_seconds.Add(labels).Set(load_seconds);
  m.limit_tokens.Add(labels).Set(static_cast<double>(limits.max_tokens));
  m.limit_requests.Add(labels).Set(static_cast<double>(limits.max_requests));
  const std::unique_lock lock(m.models_mutex);
  m.models.push_back({.name = name,
                      .inputs = m.inputs.Add(labels),
                      .tokens = m.tokens.Add(labels),
                      .truncated = m.truncated.Add(labels),
                      .empty = m.empty.Add(labels),
                      .pass_seconds = m.pass_seconds.Add(labels, kPartSeconds),
                      .pass_tokens = m.pass_tokens.Add(labels, kPassTokens),
                      .pass_fill = m.pass_fill.Add(labels, kFill),
                      .pass_requests = m.pass_requests.Add(labels, kPassRequests),
                      .queue_tokens = m.queue_tokens.Add(labels),
                      .queue_requests = m.queue_requests.Add(labels),
                      .queue = std::move(queue)});
}

void Metrics::set_connections(std::function<int64_t()> count) {
  const std::scoped_lock lock(impl_->scraping);
  impl_->count_connections = std::move(count);
}

void Metrics::on_request(const Exchange& exchange, const Ended& ended) {
  Impl& m = *impl_;
  const size_t route = m.route_index(exchange.route);
  m.requests_of(route, index_or_last(kMethods, ended.method), index_or_last(kStatuses, ended.status)).Increment();
  m.duration_of[route]->Observe(ended.total_s);
  if (exchange.n_inputs > 0) m.tokenize.Observe(exchange.tokenize_s);
  if (exchange.compute_s > 0) {
    m.queue.Observe(exchange.queue_s);
    m.compute.Observe(exchange.compute_s);
  }
  if (exchange.format_s > 0) m.format.Observe(exchange.format_s);
  if (ended.whole && ended.write_s > 0) m.write.Observe(ended.write_s);

  if (!ended.whole) {
    m.error_by[index_or_last(kReasons, std::string_view("aborted"))]->Increment();
  } else if (ended.status >= 400) {
    const std::string_view reason = exchange.error.empty() ? reason_of_status(ended.status) : exchange.error;
    m.error_by[index_or_last(kReasons, reason)]->Increment();
  }
  if (exchange.model.empty() || ended.status >= 400) return;
  Model* const model = m.find_model(exchange.model);
  if (model == nullptr) return;
  model->inputs.Increment(static_cast<double>(exchange.n_inputs));
  model->tokens.Increment(static_cast<double>(exchange.n_tokens));
  if (exchange.n_truncated > 0) model->truncated.Increment(static_cast<double>(exchange.n_truncated));
  if (exchange.n_empty > 0) model->empty.Increment(static_cast<double>(exchange.n_empty));
}

void Metrics::on_http_refused(int status) {
  impl_->refused_by[index_or_last(kHttpRefusals, status)]->Increment();
}

void Metrics::on_pass(const embed::Pass& pass) {
  Model* const model = impl_->find_model(pass.model);
  if (model == nullptr) return;
  model->pass_seconds.Observe(pass.seconds);
  model->pass_tokens.Observe(static_cast<double>(pass.n_tokens));
  model->pass_requests.Observe(static_cast<double>(pass.n_requests));
  if (pass.budget_tokens > 0) {
    model->pass_fill.Observe(static_cast<double>(pass.n_tokens) / static_cast<double>(pass.budget_tokens));
  }
}

std::string Metrics::text() {
  Impl& m = *impl_;
  const std::scoped_lock lock(m.scraping);
  if (m.count_connections) m.connections.Set(static_cast<double>(m.count_connections()));
  {
    const std::shared_lock models_lock(m.models_mutex);
    for (Model& model : m.models) {
      const embed::QueueState state = model.queue ? model.queue() : embed::QueueState{};
      model.queue_tokens.Set(static_cast<double>(state.waiting_tokens));
      model.queue_requests.Set(static_cast<double>(state.waiting_requests));
    }
  }
  const ProcessStats process = read_process_stats();
  m.resident.Set(process.resident_bytes);
  m.virtual_memory.Set(process.virtual_bytes);
  m.cpu.Increment(process.cpu_s - m.cpu.Value());
  m.open_fds.Set(process.open_fds);
  m.max_fds.Set(process.max_fds);
  m.start_time.Set(process.start_time_s);
  m.threads.Set(process.threads);
  return prometheus::TextSerializer().Serialize(m.registry.Collect());
}

}  // namespace lode::server
