// `lode health`: asks a running server whether it is ready, for container health checks and scripts: exit 0 when it is,
// 1 when it is not. In the environment of `lode serve` it finds the server, its scheme and a key by itself.
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "apps/api_key.h"
#include "apps/command.h"
#include "apps/http_client.h"
#include "apps/json_text.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

struct HealthOptions {
  std::string url;  // empty: where `lode serve` with this environment listens
  int timeout_s = 5;
  std::string api_keys_file;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string default_url() {
  const std::string port = variable("LODE_PORT");
  return fmt::format("{}://127.0.0.1:{}", variable("LODE_TLS_CERT").empty() ? "http" : "https",
                     port.empty() ? "8080" : port);
}

Result<std::string> api_key(const HealthOptions& options) {
  if (options.api_keys_file.empty()) return first_key(variable("LODE_API_KEY"));
  LODE_ASSIGN(const std::string text, read_file(options.api_keys_file));
  return first_key(text);
}

Status check(const HealthOptions& options, const Globals& globals) {
  LODE_ASSIGN(const std::string key, api_key(options));
  std::string base = options.url.empty() ? default_url() : options.url;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with("/v1")) base.resize(base.size() - 3);
  HttpClient client;
  std::string body;
  const auto head = client.send(
      {.url = base + "/v1/health/ready",
       .bearer = key,
       .range_from = {},
       .json = {},
       .stall_seconds = options.timeout_s,
       .ca_file = options.ca_file,
       .cert_file = options.cert_file,
       .key_file = options.key_file,
       .insecure = options.insecure},
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
  return write_stdout(globals.json ? json_text({{"url", base}, {"ready", true}}) : "ready\n");
}

}  // namespace

void add_health(Commands& commands) {
  const auto options = std::make_shared<HealthOptions>();
  CLI::App& app = commands.add("health", "Ask whether a server is ready (exit 0) or not (exit 1)",
                               "lode health --url http://127.0.0.1:8080",
                               [options, &commands] { return check(*options, commands.globals()); });
  app.add_option("--url", options->url,
                 "address of the server; without it 127.0.0.1, LODE_PORT or 8080, https with LODE_TLS_CERT")
      ->type_name("URL");
  app.add_option("--timeout", options->timeout_s, "seconds to wait for an answer")
      ->check(CLI::Range(1, 3600))
      ->type_name("S")
      ->capture_default_str();
  const auto file = [&app](const char* name, std::string& value, const char* what) {
    app.add_option(name, value, what)->type_name("FILE");
  };
  file("--api-keys", options->api_keys_file,
       "the server's file of keys, for --closed-health: its first key is shown; else that of LODE_API_KEY");
  file("--ca", options->ca_file, "PEM authorities to trust instead of the system's");
  file("--client-cert", options->cert_file, "PEM certificate to show to a server with --tls-client-ca");
  file("--client-key", options->key_file, "PEM key of that certificate");
  app.add_flag("--insecure", options->insecure, "accept any certificate, as for 127.0.0.1 behind a public name");
}

}  // namespace lode::apps
