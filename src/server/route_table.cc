#include "server/route_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace lode::server {

namespace {

constexpr RouteEntry kRoutes[] = {
    {"/v1/embeddings", Route::embeddings, true},
    {"/v1/tokenize", Route::tokenize, true},
    {"/v1/similarity", Route::similarity, true},
    {"/v1/search", Route::search, true},
    {"/v1/similar", Route::similar, true},
    {"/v1/index", Route::index},
    {"/mcp", Route::mcp, true},
    {"/v1/models", Route::models},
    {"/v1/health/live", Route::live},
    {"/v1/health/ready", Route::ready},
    {"/v1/metadata", Route::metadata},
    {"/v1/manifest", Route::manifest},
    {"/v1/license", Route::license},
    {"/v1/version", Route::version},
    {"/v1/status", Route::status},
    {"/v1/metrics", Route::metrics},
    {"/openapi.json", Route::openapi},
    {"/", Route::greeting},
};

// No scheme and host, no query, no trailing slashes, no /v1: "" for the front door.
std::string_view bare_path(std::string_view target) {
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
    target.remove_prefix(std::min(target.size(), target.find('/', scheme + 3)));
  }
  target = target.substr(0, target.find_first_of("?#"));
  while (target.ends_with('/')) target.remove_suffix(1);
  if (target.starts_with("/v1") && (target.size() == 3 || target[3] == '/')) target.remove_prefix(3);
  return target;
}

}  // namespace

std::span<const RouteEntry> route_table() {
  return kRoutes;
}

const RouteEntry* find_route(std::string_view target) {
  const std::string_view path = bare_path(target);
  const auto* const entry = std::ranges::find(kRoutes, path, [](const RouteEntry& e) { return bare_path(e.name); });
  return entry == std::end(kRoutes) ? nullptr : entry;
}

std::string_view allowed_methods(const RouteEntry& entry) {
  return entry.post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

std::string known_routes() {
  std::string out;
  for (const RouteEntry& entry : kRoutes) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", entry.post ? "POST" : "GET", entry.name);
  }
  return out;
}

}  // namespace lode::server
