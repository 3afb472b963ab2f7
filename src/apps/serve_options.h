// What `lode serve` can be told, from the command line, the environment and the config file, and how it is printed
// again as the configuration in force. Plain data; the main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace CLI {
class App;
}

namespace lode::apps {

struct ServeOptions {
  std::vector<std::string> models;        // as given; empty: the default model
  std::vector<std::string> served_names;  // further names of the first model
  std::vector<std::string> aliases;       // "NAME=MODEL"
  std::vector<std::string> shares;        // "MODEL=N"
  std::string dtype = "auto";
  int64_t max_batch_tokens = 2048;
  int64_t target_batch_ms = 250;
  int64_t max_length = 0;  // 0: each model's own
  int64_t max_memory_bytes = 0;

  std::vector<std::string> indexes;  // folders to search in
  bool no_vectors = false;           // for them
  std::string cache;                 // where their vectors are kept by text, "" for the default place
  bool no_cache = false;

  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  int64_t max_queue_tokens = 8 << 20;
  int64_t max_queue_requests = 4096;
  int64_t max_inputs = 8192;
  int64_t max_body_bytes = 32 << 20;
  int64_t max_connections = 0;
  double header_timeout_s = 15;
  double body_timeout_s = 30;
  double idle_timeout_s = 120;
  double request_timeout_s = 600;
  double drain_timeout_s = 300;

  std::string api_keys_file;
  bool open_metrics = false;
  bool closed_health = false;
  std::string rate_limit;  // "N/min"; empty: none
  int64_t rate_burst = 0;  // 0: a minute's worth
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  std::vector<std::string> cors;

  bool strict_nim = false;
  bool allow_truncated_dims = false;
  bool accept_token_ids = false;
  bool accept_any_model = false;
  std::string default_input_type = "passage";

  std::string log_format = "text";
  std::string log_level = "info";
  bool no_access_log = false;
  bool log_texts = false;
  bool check_config = false;
};

void add_serve_options(CLI::App& app, ServeOptions& options);

// Every option of the app with its value in force, as TOML that --config reads again.
std::string effective_config(const CLI::App& app);

// "60/min", "60", "10/s" or "1000/h" as requests a minute. Errors: invalid_argument.
Result<double> requests_per_minute(const std::string& rate);

// "NAME=VALUE". Errors: invalid_argument, with `example`.
struct Assignment {
  std::string name;
  std::string value;
};
Result<Assignment> read_assignment(const std::string& option, const std::string& text, const std::string& form,
                                   const std::string& example);

}  // namespace lode::apps
