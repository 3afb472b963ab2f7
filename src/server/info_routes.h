// The routes that tell about the server and its models and take no body: names, health, version, state, licence and
// what the models' cards say. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "server/http.h"
#include "server/models.h"
#include "server/routes_options.h"

namespace lode::server {

// Of the wire contract, as /v1/version and /openapi.json say it.
inline constexpr const char* kApiVersion = "1.0.0";

struct ServerState {
  const Models& models;
  const RoutesOptions& options;
  int64_t started_s;  // seconds since 1970
  int64_t uptime_s;
  bool draining;
};

Response model_list(const ServerState& state);
Response live_response();
Response ready_response(const ServerState& state);
Response version_response(const ServerState& state);
Response status_response(const ServerState& state);
Response metrics_response(const ServerState& state);

// Of the first model, in NIM's shape; every model's card beside it.
Response metadata_response(const ServerState& state);
Response license_response(const ServerState& state);
Response manifest_response(const ServerState& state);

// Text for people with a terminal: what is served and what to paste.
Response greeting(const ServerState& state, const Request& request);

// What to paste to get a first vector out of the server at `url`.
std::string first_request(const std::string& url);

}  // namespace lode::server
