// One search by rank: files by the linear ranker (or BM25 of their best chunk), each shown by its best chunk. A query
// that is one name finds its definitions first. For Searcher alone.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "index/lexical_features.h"
#include "search/query.h"
#include "search/searcher.h"
#include "search/snippet.h"

namespace lode::search {

class RankedSearch {
 public:
  RankedSearch(Searcher& searcher, const SearchQuery& query) : searcher_(searcher), query_(query) {}
  Result<SearchResult> run();

 private:
  using FileId = index::FileTree::FileId;
  struct Ranked {
    FileId file;
    double score;
    bool defines_it;  // the one name that is asked for
  };

  // The chunks that can matter: the nearest, and those of the first files by terms.
  Status ask_vectors();
  // By place in the reader's contents: whether a file that passes the filters has it; empty: all have.
  [[nodiscard]] std::vector<uint8_t> allowed_contents() const;
  [[nodiscard]] std::vector<uint32_t> first_contents() const;
  // What a list by chunk has of a file's.
  [[nodiscard]] std::span<const float> chunks_of(const std::vector<float>& by_chunk, FileId file) const;
  [[nodiscard]] std::vector<double> file_scores() const;
  [[nodiscard]] std::vector<Ranked> ranked_files() const;
  // The hit of a file; none where it has no chunk of the kinds that are asked for.
  Result<std::optional<Hit>> hit_of(const Ranked& ranked);
  [[nodiscard]] double chunk_score(const Content& content, size_t chunk, index::ChunkId number) const;
  [[nodiscard]] int32_t shown_symbol(const Content& content, const index::Chunk& chunk, uint32_t best_line) const;
  // Whether a symbol has a name that the query has.
  [[nodiscard]] bool is_named(const code::Symbol& symbol) const;
  void explain(const Content& content, std::string_view chunk_text, FileId file, Hit& hit) const;

  Searcher& searcher_;
  const SearchQuery& query_;
  index::QueryParts parts_;
  index::FileFeatures features_;
  std::string only_name_;  // "filter" of a query that is `filter` or `Query.filter`
  std::vector<uint8_t> allowed_;
  std::vector<uint8_t> defines_only_name_;  // by file
  TermWeights weights_;
  std::vector<double> lexical_;            // by file: the linear ranker's scores; of hybrid and lexical
  double most_text_ = 0, most_names_ = 0;  // over chunks
  std::vector<float> cosines_;             // by chunk; empty: vectors are not asked
};

}  // namespace lode::search
