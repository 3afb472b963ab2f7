// What a search found as JSON, as `lode search --json` prints it and POST /v1/search answers. Stateless; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "search/query.h"

namespace lode::apps {

struct SearchedIndex {
  std::string index;
  std::string folder;
  std::string commit;  // "" of a folder
  size_t n_files = 0;
  size_t n_chunks = 0;
};

// {"query", "mode", "n_found", "hits": [...], "index": {...}}, with a newline behind it.
std::string search_json(const search::SearchQuery& query, const search::SearchResult& result,
                        const SearchedIndex& index);

}  // namespace lode::apps
