#include "apps/search_json.h"

#include <nlohmann/json.hpp>

#include "apps/json_text.h"
#include "code/language.h"
#include "search/searcher.h"

namespace lode::apps {

std::string search_json(const search::SearchQuery& query, const search::SearchResult& result,
                        const SearchedIndex& index) {
  nlohmann::ordered_json hits = nlohmann::ordered_json::array();
  for (const search::Hit& hit : result.hits) {
    nlohmann::ordered_json one{{"path", hit.path},
                               {"start_line", hit.first_line},
                               {"end_line", hit.last_line},
                               {"score", hit.score},
                               {"why", hit.why},
                               {"symbol", nullptr},
                               {"kind", nullptr},
                               {"language", code::name_of(hit.language)},
                               {"snippet_line", hit.snippet_line},
                               {"snippet", hit.snippet},
                               {"copies", hit.copies}};
    if (!hit.symbol.empty()) {
      one["symbol"] = hit.symbol;
      one["kind"] = hit.kind;
    }
    hits.push_back(std::move(one));
  }
  nlohmann::ordered_json about{{"path", index.index},    {"folder", index.folder},   {"commit", nullptr},
                               {"files", index.n_files}, {"chunks", index.n_chunks}, {"complete", result.is_complete}};
  if (!index.commit.empty()) about["commit"] = index.commit;
  const nlohmann::ordered_json out{{"query", query.text},
                                   {"mode", search::name_of(query.mode)},
                                   {"n_found", result.n_found},
                                   {"hits", std::move(hits)},
                                   {"index", std::move(about)}};
  return json_text(out, 2);
}

}  // namespace lode::apps
