#include "search/search_json.h"

#include "code/language.h"
#include "search/searcher.h"

namespace lode::search {

using nlohmann::ordered_json;

ordered_json hit_json(const Hit& hit) {
  ordered_json out{{"path", hit.path},
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
    out["symbol"] = hit.symbol;
    out["kind"] = hit.kind;
  }
  return out;
}

ordered_json index_json(const SearchedIndex& index, const SearchResult& result) {
  ordered_json out{{"path", index.index},    {"folder", index.folder},   {"commit", nullptr},
                   {"files", index.n_files}, {"chunks", index.n_chunks}, {"complete", result.is_complete},
                   {"vectors", nullptr}};
  if (result.n_vectors) out["vectors"] = *result.n_vectors;
  if (!index.commit.empty()) out["commit"] = index.commit;
  return out;
}

std::string search_json(const SearchQuery& query, const SearchResult& result, const SearchedIndex& index) {
  ordered_json hits = ordered_json::array();
  for (const Hit& hit : result.hits) hits.push_back(hit_json(hit));
  const ordered_json out{{"query", query.text},
                         {"mode", name_of(query.mode)},
                         {"n_found", result.n_found},
                         {"hits", std::move(hits)},
                         {"index", index_json(index, result)}};
  // Names of files may be any bytes.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lode::search
