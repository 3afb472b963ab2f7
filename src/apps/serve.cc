// `lode serve`: models behind the HTTP API until SIGTERM, Ctrl-C or SIGHUP. Then nothing new is taken, what was
// accepted is answered and the process ends with 0; a second signal ends it at once.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/model_cards.h"
#include "apps/nim_variables.h"
#include "apps/process.h"
#include "apps/serve_options.h"
#include "apps/served_models.h"
#include "apps/served_search.h"
#include "base/log.h"
#include "embed/engine.h"
#include "kernels/cpu.h"
#include "server/api_error.h"
#include "server/api_keys.h"
#include "server/gate.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/models.h"
#include "server/page.h"
#include "server/routes.h"
#include "server/search_service.h"
#include "server/service.h"

namespace lode::apps {
namespace {

int wake_fd = -1;  // the handler writes here; the main thread reads the other end

extern "C" void on_stop_signal(int) {
  const int saved = errno;
  [[maybe_unused]] const auto n = ::write(wake_fd, "", 1);
  errno = saved;
}

// Ends the process as the signal would. As process 1 of a container the default action is ignored: then by exit.
extern "C" void on_second_signal(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  ::_exit(128 + signal);
}

void set_stop_handlers(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_NODEFER;  // on_second_signal() raises its own
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  if (!is_ignored(SIGHUP)) ::sigaction(SIGHUP, &action, nullptr);
}

// From here on a stop signal is for wait_for_stop(); before, it ends a process that has accepted nothing.
Result<int> catch_stop_signals() {
  int ends[2];
  if (::pipe(ends) != 0) return fail(Code::io, "cannot make a pipe: out of file descriptors", "Raise ulimit -n.");
  wake_fd = ends[1];
  set_stop_handlers(on_stop_signal);
  return ends[0];
}

void wait_for_stop(int fd) {
  char byte;
  while (::read(fd, &byte, 1) < 0 && errno == EINTR) continue;
  set_stop_handlers(on_second_signal);
}

// Each connection takes a file descriptor, and the usual soft limit of 1024 is soon met.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A wildcard address is for listening, not for pasting.
std::string pasteable(const server::HttpServer& http) {
  const std::string url = http.url();
  const bool wildcard = url.starts_with("http://0.0.0.0:") || url.starts_with("http://[::]:");
  return wildcard ? fmt::format("http://127.0.0.1:{}", http.port()) : url;
}

void announce(const std::vector<LoadedModel>& loaded, const std::vector<std::string>& names,
              const server::HttpServer& http, const Globals& globals) {
  for (const LoadedModel& model : loaded) {
    log::info("{}: {} dimensions, at most {} tokens a text, loaded in {:.2f} s", model.id, model.embedder->dims(),
              model.embedder->max_tokens(), model.load_s);
  }
  fmt::print(stderr, "lode: serving {} on {}\n", fmt::join(names, ", "), http.url());
  if (!globals.quiet) fmt::print(stderr, "Paste next:\n  {}\n", server::first_request(pasteable(http)));
}

void set_log(const ServeOptions& options) {
  log::set_json(options.log_format == "json");
  log::set_level(options.log_level == "debug"   ? log::Level::debug
                 : options.log_level == "warn"  ? log::Level::warn
                 : options.log_level == "error" ? log::Level::error
                                                : log::Level::info);
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

Result<server::HttpOptions> http_options(const ServeOptions& options) {
  server::HttpOptions http;
  http.host = options.host;
  http.port = options.port;
  http.max_body_bytes = static_cast<size_t>(options.max_body_bytes);
  http.max_connections = static_cast<size_t>(options.max_connections);
  http.header_timeout = milliseconds_of(options.header_timeout_s);
  http.stall_timeout = milliseconds_of(options.body_timeout_s);
  http.idle_timeout = milliseconds_of(options.idle_timeout_s);
  http.request_timeout = milliseconds_of(options.request_timeout_s);
  if (options.tls_cert.empty() != options.tls_key.empty() ||
      (options.tls_cert.empty() && !options.tls_client_ca.empty())) {
    return fail(Code::invalid_argument, "TLS needs both --tls-cert and --tls-key",
                "Give both, or neither for plain http; --tls-client-ca needs them too.");
  }
  if (!options.tls_cert.empty()) {
    http.tls = server::TlsOptions{options.tls_cert, options.tls_key, options.tls_client_ca};
  }
  return http;
}

Result<server::ApiKeys> read_keys(const ServeOptions& options) {
  server::ApiKeys keys;
  if (!options.api_keys_file.empty()) {
    LODE_ASSIGN(const std::string warning, keys.add_file(options.api_keys_file));
    if (!warning.empty()) log::warn("{}", warning);
  }
  // Only a variable: what is on the command line, everybody on the machine can read.
  const char* const variable = std::getenv("LODE_API_KEY");
  if (variable != nullptr && *variable != '\0') LODE_TRY(keys.add_list(variable, "LODE_API_KEY"));
  return keys;
}

Result<std::unique_ptr<server::Gate>> make_gate(const ServeOptions& options, const server::ApiKeys& keys,
                                                server::Metrics& metrics) {
  server::GateOptions gate;
  gate.cors_origins = options.cors;
  gate.open_health = !options.closed_health;
  gate.open_metrics = options.open_metrics;
  if (!options.rate_limit.empty()) {
    LODE_ASSIGN(gate.requests_per_minute, requests_per_minute(options.rate_limit));
    gate.burst = static_cast<double>(options.rate_burst);
  } else if (options.rate_burst > 0) {
    return fail(Code::invalid_argument, "--rate-burst without --rate-limit limits nothing",
                "Give both, for example --rate-limit 600/min --rate-burst 20.");
  }
  gate.strict_nim = options.strict_nim;
  gate.access_log = !options.no_access_log;
  gate.log_texts = options.log_texts;
  return server::Gate::make(std::move(gate), keys, metrics);
}

server::RoutesOptions routes_options(const ServeOptions& options, const server::ApiKeys& keys,
                                     server::Metrics& metrics) {
  server::RoutesOptions routes;
  routes.strict_nim = options.strict_nim;
  routes.allow_truncated_dims = options.allow_truncated_dims;
  routes.accept_token_ids = options.accept_token_ids;
  routes.accept_any_model = options.accept_any_model;
  routes.default_input_type = options.default_input_type == "query"     ? embed::InputType::query
                              : options.default_input_type == "passage" ? embed::InputType::passage
                                                                        : embed::InputType::unspecified;
  routes.max_inputs = static_cast<size_t>(options.max_inputs);
  routes.version = LODE_VERSION;
  routes.metrics_text = [&metrics] { return metrics.text(); };
  routes.page = [](const server::Request& request) { return server::Page::embedded().answer(request); };
  routes.asks_for_key = !keys.empty();
  routes.open_health = !options.closed_health;
  routes.open_metrics = options.open_metrics;
  return routes;
}

// Before a model is loaded, which may take long.
Status check_names(const std::vector<ModelPlan>& plans, const ServeOptions& options) {
  server::Models models;
  for (const ModelPlan& plan : plans) LODE_TRY(models.add_name(plan.id));
  return name_models(plans, options, models);
}

// All that can be checked without loading a model: also certificates and the address, on a port of its own.
Status check_config(const ServeOptions& options, const server::ApiKeys& keys, const CLI::App& app) {
  server::Metrics metrics;
  LODE_TRY(make_gate(options, keys, metrics));
  LODE_ASSIGN(server::HttpOptions http, http_options(options));
  http.port = 0;
  LODE_TRY(server::HttpServer::listen(http, [](server::Request, server::Respond) {}));
  std::string out = effective_config(app);
  if (!keys.empty()) out += fmt::format("# {} API keys: {}\n", keys.names().size(), fmt::join(keys.names(), ", "));
  return write_stdout(out);
}

void warn_of_open_doors(const ServeOptions& options, const server::ApiKeys& keys) {
  const bool local = options.host == "localhost" || options.host == "::1" || options.host.starts_with("127.");
  if (!local && keys.empty() && options.tls_client_ca.empty()) {
    log::warn("whoever reaches {}:{} can use it: there are no API keys (--api-keys)", options.host, options.port);
  }
}

std::string isa_name() {
  const auto path = kernels::select();
  return path ? std::string(kernels::name((*path)->isa)) : "none";
}

Status serve(const Globals& globals, const ServeOptions& options, const CLI::App& app) {
  set_stop_handlers(on_second_signal);  // nothing is accepted yet
  set_log(options);
  for (const std::string& name : idle_nim_variables()) {
    log::warn("{} has no use here: batches are cut by tokens and filled while others compute", name);
  }
  LODE_ASSIGN(const server::ApiKeys keys, read_keys(options));
  LODE_ASSIGN(const std::vector<ModelPlan> plans, plan_models(options, globals));
  std::vector<IndexPlace> places;
  for (const std::string& folder : options.indexes) {
    LODE_ASSIGN(IndexPlace place, locate_index(folder, "", ""));
    places.push_back(std::move(place));
  }
  LODE_TRY(check_names(plans, options));
  if (options.check_config) return check_config(options, keys, app);
  LODE_ASSIGN(const std::vector<LoadedModel> loaded, load_models(plans, options, globals));

  raise_descriptor_limit();
  warn_of_open_doors(options, keys);
  server::Metrics metrics({.version = LODE_VERSION, .isa = isa_name()});
  embed::Engine engine({.target_pass = std::chrono::milliseconds(options.target_batch_ms),
                        .on_pass = [&metrics](const embed::Pass& pass) { metrics.on_pass(pass); }});
  std::vector<std::unique_ptr<server::ModelService>> services;
  std::vector<SearchingModel> searching;
  server::Models models;
  for (size_t i = 0; i < plans.size(); ++i) {
    const embed::QueueOptions limits{
        .max_tokens = options.max_queue_tokens, .max_requests = options.max_queue_requests, .share = plans[i].share};
    embed::Queue& queue = engine.add(plans[i].id, *loaded[i].embedder, limits);
    services.push_back(std::make_unique<server::ModelService>(*loaded[i].embedder, queue));
    searching.push_back({plans[i].id, plans[i].folder, loaded[i].embedder.get(), &queue});
    server::ModelCard card = read_model_card(plans[i].folder);
    if (!card.restriction.empty()) {
      log::warn("{} is under {}: {}", plans[i].id, card.licence, card.restriction);
    }
    LODE_TRY(models.add(plans[i].id, *services.back(), std::move(card)));
    metrics.add_model(plans[i].id, loaded[i].load_s, limits, [&queue] { return queue.state(); });
  }
  LODE_TRY(name_models(plans, options, models));
  const std::vector<std::string> names = models.names();
  std::unique_ptr<ServedSearch> search;
  if (!places.empty()) {
    LODE_ASSIGN(search, ServedSearch::open(std::move(places), searching, engine, options, globals));
  }
  server::RoutesOptions behaviour = routes_options(options, keys, metrics);
  behaviour.search = search ? &search->service() : nullptr;
  behaviour.trusted_origins = options.cors;
  server::Routes routes(std::move(models), std::move(behaviour));
  LODE_ASSIGN(const auto gate, make_gate(options, keys, metrics));
  LODE_ASSIGN(server::HttpOptions http_limits, http_options(options));
  http_limits.error_style = options.strict_nim ? server::ErrorStyle::nim : server::ErrorStyle::openai;
  http_limits.admit = [&gate](server::Request& request, server::Respond respond) {
    return gate->admit(request, std::move(respond));
  };
  http_limits.on_refused = [&gate](const server::EarlyRefusal& refusal, server::Response& response) {
    gate->on_http_refused(refusal, response);
  };
  LODE_ASSIGN(const int stop_fd, catch_stop_signals());
  LODE_ASSIGN(const auto http,
              server::HttpServer::listen(http_limits, [&routes](server::Request request, server::Respond respond) {
                routes.handle(std::move(request), std::move(respond));
              }));
  metrics.set_connections([&http] { return static_cast<int64_t>(http->n_connections()); });
  if (search) search->publish(options, http->port());
  announce(loaded, names, *http, globals);

  wait_for_stop(stop_fd);
  log::info("stopping: no new requests, finishing those accepted (at most {} s)", options.drain_timeout_s);
  if (search) search->stop();
  routes.drain();
  if (!http->stop(milliseconds_of(options.drain_timeout_s))) {
    log::error("the drain timeout of {} s is over: unanswered requests were dropped", options.drain_timeout_s);
    std::fflush(nullptr);
    std::_Exit(1);  // the engine is in the middle of them and cannot be told to stop
  }
  return {};
}

}  // namespace

void add_serve(Commands& commands) {
  const auto options = std::make_shared<ServeOptions>();
  const auto app = std::make_shared<CLI::App*>();
  *app = &commands.add(
      "serve", "Serve models over HTTP, as OpenAI's and NIM's embedding endpoints do",
      "lode serve --model nv-embed-v1 --port 8080",
      [&commands, options, app] { return serve(commands.globals(), *options, **app); }, adopt_nim_variables);
  add_serve_options(**app, *options);
}

}  // namespace lode::apps
