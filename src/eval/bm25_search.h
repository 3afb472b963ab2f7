// BM25 from text to ranking, as Lucene and Pyserini have it: English terms, f32 scores, ties by id. Texts are added,
// then it is finished, then asked. One thread at a time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/exact_search.h"
#include "index/bm25.h"
#include "index/bm25_index.h"
#include "index/lexicon.h"
#include "index/postings.h"

namespace lode::eval {

class Bm25Search {
 public:
  explicit Bm25Search(const index::Bm25Options& options);

  // The next document. Invalid UTF-8 is read as U+FFFD.
  void add(std::string_view text);
  // ids: of all documents.
  void finish(std::span<const std::string> ids);

  // At most k documents that share a term with the query, best first; of equal scores the greater id first.
  std::vector<Neighbour> best(std::string_view query, size_t k);

 private:
  index::Bm25Options options_;
  index::Lexicon lexicon_;
  index::Postings postings_;
  std::optional<index::Bm25Index> index_;
  std::optional<IdOrder> order_;
};

}  // namespace lode::eval
