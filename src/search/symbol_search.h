// One search for definitions by name: those of that name as it is written, then in any letter case, then those whose
// name begins so, then those that have it within. For Searcher alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "search/query.h"
#include "search/searcher.h"

namespace lode::search {

class SymbolSearch {
 public:
  SymbolSearch(Searcher& searcher, const SearchQuery& query) : searcher_(searcher), query_(query) {}
  Result<SearchResult> run();

 private:
  struct Found {
    int tier;  // 0: as it is written, 1: any case, 2: begins so, 3: has it within
    Definition definition;
  };
  Result<std::vector<Found>> find(const std::string& name);
  // Its place among the symbols of its content.
  static std::optional<size_t> symbol_of(const Content& content, const Definition& definition);

  Searcher& searcher_;
  const SearchQuery& query_;
};

}  // namespace lode::search
