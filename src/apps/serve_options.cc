#include "apps/serve_options.h"

#include <charconv>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"

namespace lode::apps {
namespace {

constexpr const char* kModels = "Models";
constexpr const char* kLimits = "Limits";
constexpr const char* kSearch = "Search";
constexpr const char* kDoors = "Doors";
constexpr const char* kContract = "Contract";
constexpr const char* kLog = "Log";

template <class T>
CLI::Option* number(CLI::App& app, const char* name, T& value, T least, T most, const char* what) {
  return app.add_option(name, value, what)->check(CLI::Range(least, most))->type_name("N")->capture_default_str();
}

template <class T>
CLI::Option* text(CLI::App& app, const char* name, T& value, const char* type, const char* what) {
  return app.add_option(name, value, what)->type_name(type);
}

void add_model_group(CLI::App& app, ServeOptions& o) {
  text(app, "--model", o.models, "M",
       "a folder in Hugging Face layout, a .gguf file or a name in the store; repeat it for more")
      ->allow_extra_args(false)
      ->group(kModels);
  text(app, "--served-model-name", o.served_names, "NAME", "further name of the first model (repeatable, or a,b)")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->group(kModels);
  text(app, "--alias", o.aliases, "NAME=M", "the model M answers to NAME as well (repeatable)")
      ->allow_extra_args(false)
      ->group(kModels);
  text(app, "--share", o.shares, "M=N", "M gets N shares of the computing time instead of 1 (repeatable)")
      ->allow_extra_args(false)
      ->group(kModels);
  text(app, "--dtype", o.dtype, "TYPE",
       "arithmetic of the linear layers; auto is what the file holds: bf16 of 16-bit weights "
       "where the CPU has it, else f32")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8", "int4"}))
      ->capture_default_str()
      ->group(kModels);
  number(app, "--max-length", o.max_length, int64_t{0}, int64_t{1} << 24, "tokens a text; 0: the model's own limit")
      ->group(kModels);
  number(app, "--max-batch-tokens", o.max_batch_tokens, int64_t{1}, int64_t{1} << 24,
         "most tokens of one pass; a longer text gets its own")
      ->group(kModels);
  number(app, "--target-batch-ms", o.target_batch_ms, int64_t{0}, int64_t{3'600'000},
         "passes are cut to about this long, so that the next request waits little; 0: never")
      ->group(kModels);
}

void add_search_group(CLI::App& app, ServeOptions& o) {
  text(app, "--index", o.indexes, "DIR", "search this folder too: /v1/search, /mcp and the page (repeatable)")
      ->allow_extra_args(false)
      ->group(kSearch);
  app.add_flag("--no-vectors", o.no_vectors, "search folders by their terms alone, make no vectors for them")
      ->group(kSearch);
  CLI::Option* const cache =
      text(app, "--cache", o.cache, "DIR", "where vectors of folders are kept by text (default: vectors/ in LODE_HOME)")
          ->group(kSearch);
  app.add_flag("--no-cache", o.no_cache, "keep no vectors by text, use no kept ones")->excludes(cache)->group(kSearch);
}

void add_limits_group(CLI::App& app, ServeOptions& o) {
  number(app, "--max-queue-tokens", o.max_queue_tokens, int64_t{1}, int64_t{1} << 40,
         "waiting tokens; beyond them requests get 429")
      ->group(kLimits);
  number(app, "--max-queue-requests", o.max_queue_requests, int64_t{1}, int64_t{1} << 30,
         "waiting requests; beyond them they get 429")
      ->group(kLimits);
  number(app, "--max-inputs", o.max_inputs, int64_t{1}, int64_t{1} << 24, "texts of one request")->group(kLimits);
  number(app, "--max-body-bytes", o.max_body_bytes, int64_t{1}, int64_t{1} << 31,
         "largest request body; a larger one gets 413")
      ->group(kLimits);
  number(app, "--max-connections", o.max_connections, int64_t{0}, int64_t{1} << 24,
         "open connections; 0: as many as file descriptors allow")
      ->group(kLimits);
  number(app, "--header-timeout", o.header_timeout_s, 0.001, 86400.0,
         "seconds from a request's first byte to the end of its header; then 408")
      ->group(kLimits);
  number(app, "--body-timeout", o.body_timeout_s, 0.001, 86400.0,
         "seconds that a body or an answer may stall, beyond 16 kB/s; then 408 or a closed connection")
      ->group(kLimits);
  number(app, "--idle-timeout", o.idle_timeout_s, 0.001, 86400.0, "seconds until a connection without a request closes")
      ->group(kLimits);
  number(app, "--request-timeout", o.request_timeout_s, 0.001, 86400.0, "seconds until a request gets 504")
      ->group(kLimits);
  number(app, "--drain-timeout", o.drain_timeout_s, 0.0, 86400.0, "seconds to finish accepted requests when stopped")
      ->group(kLimits);
  app.add_option("--max-memory", o.max_memory_bytes, "memory that models and passes may need; 0: what there is")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES")
      ->capture_default_str()
      ->group(kLimits);
}

void add_doors_group(CLI::App& app, ServeOptions& o) {
  text(app, "--host", o.host, "ADDRESS", "address to listen on")->capture_default_str()->group(kDoors);
  app.add_option("--port", o.port, "port to listen on; 0 takes a free one")
      ->type_name("N")
      ->capture_default_str()
      ->group(kDoors);
  text(app, "--api-keys", o.api_keys_file, "FILE", "keys, one NAME:KEY a line; LODE_API_KEY holds keys as well")
      ->group(kDoors);
  app.add_flag("--open-metrics", o.open_metrics, "metrics need no key")->group(kDoors);
  app.add_flag("--closed-health", o.closed_health, "health needs a key")->group(kDoors);
  text(app, "--rate-limit", o.rate_limit, "N/min", "requests a key may make (also N/s, N/h); beyond it 429")
      ->group(kDoors);
  number(app, "--rate-burst", o.rate_burst, int64_t{0}, int64_t{1'000'000'000},
         "requests that a rested key may make at once; 0: a minute's worth")
      ->group(kDoors);
  text(app, "--tls-cert", o.tls_cert, "FILE", "PEM certificate chain: serve https")->group(kDoors);
  text(app, "--tls-key", o.tls_key, "FILE", "PEM key of the certificate")->group(kDoors);
  text(app, "--tls-client-ca", o.tls_client_ca, "FILE", "only clients with a certificate of this authority (PEM)")
      ->group(kDoors);
  text(app, "--cors", o.cors, "ORIGIN", "browser pages of this origin may call; * for all (repeatable)")
      ->allow_extra_args(false)
      ->group(kDoors);
}

void add_contract_group(CLI::App& app, ServeOptions& o) {
  app.add_flag("--strict-nim", o.strict_nim, "refuse what a NIM container refuses")->group(kContract);
  app.add_flag("--allow-truncated-dims", o.allow_truncated_dims,
               "`dimensions` may be smaller than the model's: cut and normalised again")
      ->group(kContract);
  app.add_flag("--accept-token-ids", o.accept_token_ids, "inputs may be lists of this model's own token ids")
      ->group(kContract);
  app.add_flag("--accept-any-model", o.accept_any_model, "an unknown model name means the first model")
      ->group(kContract);
  text(app, "--default-input-type", o.default_input_type, "TYPE", "side of a text when a request does not say")
      ->check(CLI::IsMember({"query", "passage", "none"}))
      ->capture_default_str()
      ->group(kContract);
}

void add_log_group(CLI::App& app, ServeOptions& o) {
  text(app, "--log-format", o.log_format, "FORMAT", "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str()
      ->group(kLog);
  text(app, "--log-level", o.log_level, "LEVEL", "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str()
      ->group(kLog);
  app.add_flag("--no-access-log", o.no_access_log, "no line a request")->group(kLog);
  app.add_flag("--log-texts", o.log_texts, "request bodies go into the log too (level debug)")->group(kLog);
  app.add_flag("--check-config", o.check_config, "check everything, print the configuration in force and stop")
      ->configurable(false)
      ->group(kLog);
}

bool is_plain(const std::string& value) {
  if (value == "true" || value == "false") return true;
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

std::string toml_value(const std::string& value) {
  return is_plain(value) ? value : json::quote(value);
}

}  // namespace

void add_serve_options(CLI::App& app, ServeOptions& options) {
  add_model_group(app, options);
  add_search_group(app, options);
  add_doors_group(app, options);
  add_limits_group(app, options);
  add_contract_group(app, options);
  add_log_group(app, options);
}

std::string effective_config(const CLI::App& app) {
  std::string out = "[serve]\n";
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr() || !option->get_configurable() || option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (option->get_items_expected_max() == 0) {  // a flag
      out += fmt::format("{} = {}\n", name, option->count() > 0 && option->as<bool>());
    } else if (option->get_expected_max() == CLI::detail::expected_max_vector_size) {
      std::vector<std::string> values;
      for (const std::string& value : option->reduced_results()) values.push_back(json::quote(value));
      if (option->count() > 0) out += fmt::format("{} = [{}]\n", name, fmt::join(values, ", "));
    } else if (option->count() > 0) {
      out += fmt::format("{} = {}\n", name, toml_value(option->reduced_results().front()));
    } else if (!option->get_default_str().empty()) {
      out += fmt::format("{} = {}\n", name, toml_value(option->get_default_str()));
    }
  }
  return out;
}

Result<double> requests_per_minute(const std::string& rate) {
  double n = 0;
  const char* const end = rate.data() + rate.size();
  const auto [rest, error] = std::from_chars(rate.data(), end, n);
  const std::string_view unit(rest, static_cast<size_t>(end - rest));
  double factor = 0;
  if (unit.empty() || unit == "/min" || unit == "/m") factor = 1;
  if (unit == "/s" || unit == "/sec") factor = 60;
  if (unit == "/h" || unit == "/hour") factor = 1.0 / 60;
  if (error != std::errc() || factor == 0 || !(n > 0) || n > 1e9) {
    return fail(Code::invalid_argument, fmt::format("--rate-limit '{}' is not a rate", rate),
                "For example --rate-limit 60/min, 10/s or 1000/h.");
  }
  return n * factor;
}

Result<Assignment> read_assignment(const std::string& option, const std::string& text, const std::string& form,
                                   const std::string& example) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return fail(Code::invalid_argument, fmt::format("{} '{}' is not of the form {}", option, text, form),
                fmt::format("For example {} {}.", option, example));
  }
  return Assignment{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace lode::apps
