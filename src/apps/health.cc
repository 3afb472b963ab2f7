// `lode health`: asks a running server whether it is ready, for container health checks and scripts: exit 0 when it is,
// 1 when it is not.
#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/http_client.h"

namespace lode::apps {
namespace {

struct HealthOptions {
  std::string url = "http://127.0.0.1:8080";
  int timeout_s = 5;
};

Status check(const HealthOptions& options) {
  std::string base = options.url;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with("/v1")) base.resize(base.size() - 3);
  HttpClient client;
  std::string body;
  const auto head = client.get(
      {.url = base + "/v1/health/ready", .bearer = {}, .range_from = {}, .stall_seconds = options.timeout_s},
      [](const HttpHead&) { return Status(); },
      [&](std::span<const std::byte> bytes) {
        body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return Status();
      });
  if (!head) {
    return fail(Code::unavailable, fmt::format("{} does not answer: {}", base, head.error().error.message),
                "Is `lode serve` running there?");
  }
  if (head->status != 200) {
    return fail(Code::unavailable, fmt::format("{} is not ready: status {}", base, head->status));
  }
  return write_stdout("ready\n");
}

}  // namespace

void add_health(Commands& commands) {
  const auto options = std::make_shared<HealthOptions>();
  CLI::App& app = commands.add("health", "Ask whether a server is ready (exit 0) or not (exit 1)",
                               "lode health --url http://127.0.0.1:8080", [options] { return check(*options); });
  app.add_option("--url", options->url, "address of the server")->type_name("URL")->capture_default_str();
  app.add_option("--timeout", options->timeout_s, "seconds to wait for an answer")
      ->check(CLI::Range(1, 3600))
      ->type_name("S")
      ->capture_default_str();
}

}  // namespace lode::apps
