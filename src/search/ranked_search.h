// One search by rank: files by the linear ranker (or BM25 of their best chunk), each shown by its best chunk. A query
// that is one name finds its definitions first. For Searcher alone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "index/lexical_features.h"
#include "search/query.h"
#include "search/searcher.h"
#include "search/snippet.h"

namespace lode::search {

class RankedSearch {
 public:
  RankedSearch(Searcher& searcher, const SearchQuery& query)
      : searcher_(searcher), query_(query), features_(searcher.features_) {}
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
  [[nodiscard]] Result<std::vector<float>> query_vector() const;
  // By place in the reader's contents: whether a file that passes the filters has it; empty: all have.
  [[nodiscard]] std::vector<uint8_t> allowed_contents() const;
  [[nodiscard]] std::vector<uint32_t> first_contents() const;
  // What a list by chunk has of a file's.
  [[nodiscard]] std::span<const float> chunks_of(const std::vector<float>& by_chunk, FileId file) const;
  [[nodiscard]] std::vector<double> file_scores() const;
  // Files that match, in no order, those of one text too.
  [[nodiscard]] std::vector<Ranked> matching_files() const;
  // Of them, by text.
  [[nodiscard]] size_t n_texts(const std::vector<Ranked>& files) const;
  // Takes files without a symbol of the kinds that are asked for out of those that are allowed.
  Status leave_out_other_kinds();
  // Whether a symbol is of a kind that is asked for.
  [[nodiscard]] bool is_wanted(const code::Symbol& symbol) const;
  // The hit of a file; none where no chunk has a part of a symbol of the kinds that are asked for.
  Result<std::optional<Hit>> hit_of(const Ranked& ranked);
  // `named`: the content's symbols that is_named.
  [[nodiscard]] double chunk_score(const index::Chunk& chunk, index::ChunkId number,
                                   std::span<const code::Symbol* const> named) const;
  // Of the kinds that are asked for; -1: there is none.
  [[nodiscard]] int32_t shown_symbol(const Content& content, const index::Chunk& chunk, uint32_t best_line) const;
  // Whether a symbol has a name that the query has.
  [[nodiscard]] bool is_named(const code::Symbol& symbol) const;
  void explain(std::span<const code::Symbol* const> named, std::string_view chunk_text, FileId file, Hit& hit);

  Searcher& searcher_;
  const SearchQuery& query_;
  index::QueryParts parts_;
  index::FileFeatures& features_;               // in memory that the searches of a searcher share
  std::unordered_set<std::string_view> names_;  // that the query has
  std::string only_name_;                       // "filter" of a query that is `filter` or `Query.filter`
  std::vector<uint8_t> allowed_;
  std::vector<uint8_t> defines_only_name_;  // by file
  TermWeights weights_;
  TermFinder terms_{weights_};
  std::vector<double> lexical_;  // by file: the linear ranker's scores; of hybrid and lexical
  std::vector<float> cosines_;   // by chunk; empty: vectors are not asked
};

}  // namespace lode::search
