// `lode serve`: one model behind the HTTP API until SIGTERM or Ctrl-C. Then nothing new is taken, what was accepted is
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
#include "apps/model_options.h"
#include "base/log.h"
#include "embed/embedder.h"
#include "embed/engine.h"
#include "server/http.h"
#include "server/models.h"
#include "server/routes.h"
#include "server/service.h"

namespace lode::apps {
namespace {

struct ServeOptions {
  ModelOptions model;
  std::vector<std::string> aliases;  // "NAME=MODEL"
  double drain_timeout_s = 300;
  server::HttpOptions http;
  embed::QueueOptions queue;
};

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

Result<server::Models> name_models(const ServeOptions& options, const std::string& id,
                                   server::EmbeddingService& service) {
  server::Models models;
  LODE_TRY(models.add(id, service));
  for (const std::string& alias : options.aliases) {
    const size_t equals = alias.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == alias.size()) {
      return fail(
          Code::invalid_argument, fmt::format("--alias '{}' is not of the form NAME=MODEL", alias),
          fmt::format("For example --alias my-model={}.", options.model.model.empty() ? id : options.model.model));
    }
    const std::string target = alias.substr(equals + 1);
    LODE_TRY(models.add_alias(alias.substr(0, equals), target == options.model.model ? id : target));
  }
  return models;
}

// A wildcard address is for listening, not for pasting.
std::string pasteable(const server::HttpServer& http) {
  const std::string url = http.url();
  const bool wildcard = url.starts_with("http://0.0.0.0:") || url.starts_with("http://[::]:");
  return wildcard ? fmt::format("http://127.0.0.1:{}", http.port()) : url;
}

Status serve(const Globals& globals, ServeOptions options) {
  LODE_ASSIGN(const std::filesystem::path folder, resolve_model(options.model.model));
  const std::string id = served_name(folder);
  LODE_ASSIGN(auto embedder, open_embedder(folder, options.model, globals));
  if (interrupted()) return fail(Code::cancelled, "interrupted while the model was loading");
  const int64_t max_tokens = embedder->max_tokens();

  raise_descriptor_limit();
  embed::Engine engine;
  server::ModelService service(*embedder, engine.add(id, *embedder, options.queue));
  LODE_ASSIGN(server::Models models, name_models(options, id, service));
  const std::vector<std::string> names = models.names();
  server::Routes routes(std::move(models));
  LODE_ASSIGN(const int stop_fd, catch_stop_signals());
  LODE_ASSIGN(const auto http,
              server::HttpServer::listen(options.http, [&routes](server::Request request, server::Respond respond) {
                routes.handle(std::move(request), std::move(respond));
              }));
  fmt::print(stderr, "lode: serving {} ({} dimensions, at most {} tokens a text) on {}\n", fmt::join(names, ", "),
             service.dims(), max_tokens, http->url());
  if (!globals.quiet) fmt::print(stderr, "Paste next:\n  {}\n", server::first_request(pasteable(*http)));

  wait_for_stop(stop_fd);
  log::info("stopping: no new requests, finishing those accepted (at most {} s)", options.drain_timeout_s);
  routes.drain();
  const auto limit = std::chrono::duration<double>(options.drain_timeout_s);
  if (!http->stop(std::chrono::duration_cast<std::chrono::milliseconds>(limit))) {
    log::error("the drain timeout of {} s is over: unanswered requests were dropped", options.drain_timeout_s);
    std::fflush(nullptr);
    std::_Exit(1);  // the engine is in the middle of them and cannot be told to stop
  }
  return {};
}

}  // namespace

void add_serve(Commands& commands) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App& app = commands.add("serve", "Serve a model over HTTP, as OpenAI's and NIM's embedding endpoints do",
                               "lode serve --model nv-embed-v1 --port 8080",
                               [&commands, options] { return serve(commands.globals(), *options); });
  add_model_options(app, options->model);
  app.add_option("--alias", options->aliases, "NAME=MODEL: the model answers to NAME as well (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--host", options->http.host, "address to listen on")->capture_default_str();
  app.add_option("--port", options->http.port, "port to listen on; 0 takes a free one")->capture_default_str();
  app.add_option("--max-queue-tokens", options->queue.max_tokens, "waiting tokens; beyond them requests get 429")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--max-queue-requests", options->queue.max_requests, "waiting requests; beyond them they get 429")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  app.add_option("--max-body-bytes", options->http.max_body_bytes, "largest request body; a larger one gets 413")
      ->check(CLI::Range(size_t{1}, size_t{1} << 31))
      ->capture_default_str();
  app.add_option("--drain-timeout", options->drain_timeout_s, "seconds to finish accepted requests when stopped")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
}

}  // namespace lode::apps
