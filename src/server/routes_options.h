// How the routes behave where servers of this kind differ. Plain data, set at start.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "embed/prompt.h"
#include "server/http.h"

namespace lode::server {

class SearchService;

struct RoutesOptions {
  bool strict_nim = false;            // refuse what a NIM container refuses, in its words and body shapes
  bool allow_truncated_dims = false;  // `dimensions` below the model's own: cut and made unit vectors again
  bool accept_token_ids = false;      // `input` may be ids of the model's own tokenizer
  bool accept_any_model = false;      // an unknown `model` means the first one served
  embed::InputType default_input_type = embed::InputType::passage;  // unspecified: no prompt in front
  size_t max_inputs = 8192;                                         // texts of one request
  std::string version = "0.0.0";                                    // of this build
  std::function<std::string()> metrics_text{};                      // Prometheus's text format
  // The page at / for browsers, and its assets by their paths; nullopt: no such asset.
  std::function<std::optional<Response>(const Request&)> page{};
  SearchService* search = nullptr;             // null: no index is served; outlives the routes
  std::vector<std::string> trusted_origins{};  // of browsers that may speak MCP: --cors
  // What the gate in front asks for, for /openapi.json to say.
  bool asks_for_key = false;
  bool open_health = true;
  bool open_metrics = false;
};

}  // namespace lode::server
