// Chunks that are like the one around a line: those that share its most telling words, by BM25. Of a file's copies
// none is told twice, and the file itself is no hit. One thread at a time, as the searcher.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "search/query.h"
#include "search/searcher.h"

namespace lode::search {

// `asked`: its filters, n_hits and context; its text and mode are not read. Errors: not_found for a path that the tree
// does not have, invalid_argument for a line beyond its end; those of Searcher::search.
Result<SearchResult> find_similar(Searcher& searcher, std::string_view path, uint32_t line, const SearchQuery& asked);

}  // namespace lode::search
