#include "apps/nim_variables.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

namespace lode::apps {
namespace {

struct Alias {
  const char* nim;
  const char* lode;
};

// Where two name the same, the first that is set counts; the newer names stand first.
constexpr Alias kAliases[] = {
    {"NIM_HTTP_API_PORT", "LODE_PORT"},
    {"NIM_SERVER_SERVED_MODEL_NAME", "LODE_SERVED_MODEL_NAME"},
    {"NIM_SERVED_MODEL_NAME", "LODE_SERVED_MODEL_NAME"},
    {"NIM_SERVER_MAX_QUEUE_SIZE", "LODE_MAX_QUEUE_REQUESTS"},
    {"NIM_MAX_QUEUE_SIZE", "LODE_MAX_QUEUE_REQUESTS"},
    {"NIM_TRITON_MAX_QUEUE_SIZE", "LODE_MAX_QUEUE_REQUESTS"},
    {"NIM_TRITION_MAX_QUEUE_SIZE", "LODE_MAX_QUEUE_REQUESTS"},  // as their documents spell it
    {"NIM_SERVER_REQUEST_TIMEOUT_S", "LODE_REQUEST_TIMEOUT"},
    {"NIM_REQUEST_TIMEOUT_S", "LODE_REQUEST_TIMEOUT"},
    {"NIM_SERVER_HTTP_BODY_LIMIT_BYTES", "LODE_MAX_BODY_BYTES"},
    {"NIM_HTTP_BODY_LIMIT_BYTES", "LODE_MAX_BODY_BYTES"},
    {"NIM_PIPELINE_MAX_SEQ_LEN", "LODE_MAX_LENGTH"},
    {"NIM_TRITON_MAX_SEQ_LENGTH", "LODE_MAX_LENGTH"},
    {"NIM_TLS_CERT_PATH", "LODE_TLS_CERT"},
    {"NIM_TLS_KEY_PATH", "LODE_TLS_KEY"},
};

constexpr const char* kIdle[] = {"NIM_SERVER_MAX_WAIT_MS",      "NIM_MAX_WAIT_MS",      "NIM_PIPELINE_MAX_BATCH_SIZE",
                                 "NIM_TRITON_MAX_BATCH_SIZE",   "NIM_HTTP_MAX_WORKERS", "NIM_NUM_TOKENIZERS",
                                 "NIM_NUM_MODEL_INSTANCES",     "NIM_ENGINE_COUNT",     "NIM_PERFORMANCE_MODE",
                                 "NIM_TRITON_PERFORMANCE_MODE", "NIM_GRPC_API_PORT",    "NIM_GRPC_BIND_ADDR"};

// LODE_ name to the NIM_ name that it was set from.
std::map<std::string, std::string, std::less<>>& adopted() {
  static std::map<std::string, std::string, std::less<>> names;
  return names;
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

std::string lower_value(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void adopt(const char* nim, const char* lode, const std::string& value) {
  if (variable(lode) != nullptr) return;
  ::setenv(lode, value.c_str(), 1);
  adopted()[lode] = nim;
}

// "0.0.0.0:8000", "[::]:8000" or a host alone.
void adopt_address(const char* nim) {
  const char* const value = variable(nim);
  if (value == nullptr) return;
  std::string host = value;
  const size_t colon = host.rfind(':');
  const bool bracketed = host.starts_with('[');
  if (colon != std::string::npos && (bracketed ? colon > host.find(']') : host.find(':') == colon)) {
    adopt(nim, "LODE_PORT", host.substr(colon + 1));
    host.resize(colon);
  }
  if (bracketed && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) adopt(nim, "LODE_HOST", host);
}

void adopt_log() {
  if (const char* const value = variable("NIM_LOG_LEVEL")) {
    std::string level = lower_value(value);
    if (level == "warning") level = "warn";
    if (level == "critical") level = "error";
    adopt("NIM_LOG_LEVEL", "LODE_LOG_LEVEL", level);
  }
  for (const char* const name : {"NIM_JSONL_LOGGING", "NIM_LOGGING_JSONL"}) {
    if (const char* const value = variable(name);
        value != nullptr && (lower_value(value) == "1" || lower_value(value) == "true")) {
      adopt(name, "LODE_LOG_FORMAT", "json");
    }
  }
}

// The older set of TLS variables has a switch of its own.
void adopt_ssl() {
  const char* const mode = variable("NIM_SSL_MODE");
  const std::string chosen = mode != nullptr ? lower_value(mode) : "tls";
  if (chosen == "disabled") return;
  for (const auto& [nim, lode] : {Alias{"NIM_SSL_CERT_PATH", "LODE_TLS_CERT"},
                                  {"NIM_SSL_CERTS_PATH", "LODE_TLS_CERT"},
                                  {"NIM_SSL_KEY_PATH", "LODE_TLS_KEY"}}) {
    if (const char* const value = variable(nim)) adopt(nim, lode, value);
  }
  if (const char* const ca = variable("NIM_SSL_CA_CERTS_PATH"); ca != nullptr && chosen == "mtls") {
    adopt("NIM_SSL_CA_CERTS_PATH", "LODE_TLS_CLIENT_CA", ca);
  }
}

}  // namespace

void adopt_nim_variables() {
  for (const auto& [nim, lode] : kAliases) {
    if (const char* const value = variable(nim)) adopt(nim, lode, value);
  }
  adopt_address("NIM_SERVER_BIND_ADDR");
  adopt_address("NIM_BIND_ADDR");
  adopt_log();
  adopt_ssl();
}

std::string variable_as_set(std::string_view lode_name) {
  const auto found = adopted().find(lode_name);
  if (found == adopted().end() || variable(found->second.c_str()) == nullptr) return std::string(lode_name);
  return found->second;
}

std::vector<std::string> idle_nim_variables() {
  std::vector<std::string> names;
  for (const char* const name : kIdle) {
    if (variable(name) != nullptr) names.emplace_back(name);
  }
  return names;
}

}  // namespace lode::apps
