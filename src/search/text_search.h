// One search for a text as it is, or for a regular expression (RE2's syntax: time is linear in the text, whatever the
// expression), line by line over every file that the filters leave. Files that lack a whole word of an exact text are
// not read. For Searcher alone.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "search/query.h"
#include "search/searcher.h"

namespace lode::search {

class TextSearch {
 public:
  TextSearch(Searcher& searcher, const SearchQuery& query) : searcher_(searcher), query_(query) {}
  Result<SearchResult> run();

 private:
  // By content: it may hold the exact text.
  [[nodiscard]] std::vector<uint8_t> candidates() const;

  Searcher& searcher_;
  const SearchQuery& query_;
};

}  // namespace lode::search
