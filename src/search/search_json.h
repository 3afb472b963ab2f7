// What a search found as JSON, as `lode search --json` prints it, POST /v1/search answers and the tools for agents
// have it. Stateless; any thread.
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

#include "search/query.h"

namespace lode::search {

struct SearchedIndex {
  std::string index;
  std::string folder;
  std::string commit;  // "" of a folder
  size_t n_files = 0;
  size_t n_chunks = 0;
};

nlohmann::ordered_json hit_json(const Hit& hit);

// {"path", "folder", "commit", "files", "chunks", "complete", "vectors"}
nlohmann::ordered_json index_json(const SearchedIndex& index, const SearchResult& result);

// {"query", "mode", "n_found", "hits": [...], "index": {...}}, with a newline behind it.
std::string search_json(const SearchQuery& query, const SearchResult& result, const SearchedIndex& index);

}  // namespace lode::search
