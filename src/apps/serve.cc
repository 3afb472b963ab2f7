// `lode serve`: models behind the HTTP API until SIGTERM or Ctrl-C. Then nothing new is taken, what was accepted is
// answered and the process ends with 0; a second signal ends it at once.
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
#include "apps/nim_variables.h"
#include "apps/serve_options.h"
#include "apps/served_models.h"
#include "base/log.h"
#include "embed/engine.h"
#include "server/http.h"
#include "server/models.h"
#include "server/routes.h"
#include "server/service.h"

namespace lode::apps {
namespace {

int wake_fd = -1;  // the handler writes here; the main thread reads the other end

extern "C" void on_stop_signal(int) {
  const int saved = errno;
  [[maybe_unused]] const auto n = ::write(wake_fd, "", 1);
  errno = saved;
}

void set_stop_handlers(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
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
  set_stop_handlers(SIG_DFL);
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

server::HttpOptions http_options(const ServeOptions& options) {
  server::HttpOptions http;
  http.host = options.host;
  http.port = options.port;
  http.max_body_bytes = static_cast<size_t>(options.max_body_bytes);
  return http;
}

Status serve(const Globals& globals, const ServeOptions& options, const CLI::App& app) {
  set_log(options);
  for (const std::string& name : idle_nim_variables()) {
    log::warn("{} has no use here: batches are cut by tokens and filled while others compute", name);
  }
  LODE_ASSIGN(const std::vector<ModelPlan> plans, plan_models(options));
  if (options.check_config) {
    return write_stdout(effective_config(app));
  }

  LODE_ASSIGN(const std::vector<LoadedModel> loaded, load_models(plans, options, globals));
  raise_descriptor_limit();
  embed::Engine engine({.target_pass = std::chrono::milliseconds(options.target_batch_ms)});
  std::vector<std::unique_ptr<server::ModelService>> services;
  server::Models models;
  for (size_t i = 0; i < plans.size(); ++i) {
    embed::Queue& queue = engine.add(
        plans[i].id, *loaded[i].embedder,
        {.max_tokens = options.max_queue_tokens, .max_requests = options.max_queue_requests, .share = plans[i].share});
    services.push_back(std::make_unique<server::ModelService>(*loaded[i].embedder, queue));
    LODE_TRY(models.add(plans[i].id, *services.back()));
  }
  LODE_TRY(name_models(plans, options, models));
  const std::vector<std::string> names = models.names();
  server::Routes routes(std::move(models));
  LODE_ASSIGN(const int stop_fd, catch_stop_signals());
  LODE_ASSIGN(const auto http, server::HttpServer::listen(http_options(options),
                                                          [&routes](server::Request request, server::Respond respond) {
                                                            routes.handle(std::move(request), std::move(respond));
                                                          }));
  announce(loaded, names, *http, globals);

  wait_for_stop(stop_fd);
  log::info("stopping: no new requests, finishing those accepted (at most {} s)", options.drain_timeout_s);
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
