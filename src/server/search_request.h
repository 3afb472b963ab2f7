// The bodies of POST /v1/search and POST /v1/similar as typed requests. A field that is not known is passed over, as in
// the other bodies; one of the wrong kind is refused with its place. Stateless; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "search/query.h"
#include "server/api_error.h"

namespace lode::server {

inline constexpr int64_t kMostHits = 1000;

struct SearchRequest {
  search::SearchQuery query{};
  std::optional<std::string> index{};  // only this one, by name
};

struct SimilarRequest {
  std::string path{};
  uint32_t line = 1;
  search::SearchQuery filters{};
};

std::expected<SearchRequest, ApiError> parse_search_request(std::string_view body);
std::expected<SimilarRequest, ApiError> parse_similar_request(std::string_view body);

}  // namespace lode::server
