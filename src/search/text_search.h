// One search for a text as it is, or for a regular expression (RE2's syntax: time is linear in the text, whatever the
// expression), line by line over every file that the filters leave. Files that cannot hold an exact text are not read,
// as far as their words or what is remembered of them (text_grams.h) tell. For Searcher alone.
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
  Result<std::vector<uint8_t>> candidates() const;
  // What is remembered of the texts; null where nothing is.
  Result<GramsOfTree*> grams() const;

  Searcher& searcher_;
  const SearchQuery& query_;
};

}  // namespace lode::search
