// Every route there is, in one table: dispatch, 404's hint, Allow and the test of /openapi.json come from it. A path is
// known with and without /v1 in front, with trailing slashes, and whatever stands behind a `?`. Stateless; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lode::server {

enum class Route : uint8_t {
  greeting,
  embeddings,
  tokenize,
  similarity,
  search,
  similar,
  index,
  mcp,
  models,
  live,
  ready,
  metadata,
  manifest,
  license,
  version,
  status,
  metrics,
  openapi,
};

struct RouteEntry {
  std::string_view name;  // as documented, logged and counted: "/v1/embeddings"
  Route route;
  bool post = false;  // else GET and HEAD
};

std::span<const RouteEntry> route_table();

// Null when there is no such route. `target` is a request's: path, or a whole URL.
const RouteEntry* find_route(std::string_view target);

// The Allow header: "POST, OPTIONS".
std::string_view allowed_methods(const RouteEntry& entry);

// "POST /v1/embeddings, GET /v1/models, ...", for who asked for another.
std::string known_routes();

}  // namespace lode::server
