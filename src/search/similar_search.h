// Chunks that are like the one around a line: by the cosine of their vectors and its own, or, where it has none, those
// that share its most telling words, by BM25. Of a file's copies none is told twice, and the file itself is no hit. One
// thread at a time, as the searcher.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "search/query.h"
#include "search/searcher.h"

namespace lode::search {

// `asked`: its filters, n_hits and context, and of its modes dense (the vector), hybrid (the vector if there is one)
// and any other (words); its text is not read. The result's mode is dense or bm25. Errors: not_found for a path that
// the tree does not have, invalid_argument for a line beyond its end, unsupported for dense without a vector; those of
// Searcher::search.
Result<SearchResult> find_similar(Searcher& searcher, std::string_view path, uint32_t line, const SearchQuery& asked);

}  // namespace lode::search
