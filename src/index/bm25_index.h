// BM25 over texts that are documents: what a posting adds to a score is computed once, so that a query only adds up.
// The scores are those of Collection, up to the last bit of a double. Queries one thread at a time (they share sums).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/bm25.h"
#include "index/lexicon.h"
#include "index/postings.h"

namespace lode::index {

class Bm25Index {
 public:
  // `postings` is finished and may go afterwards.
  Bm25Index(const Postings& postings, const Bm25Options& options);

  [[nodiscard]] size_t size() const { return sums_.size(); }
  // One score a document, 0 for those without a term of the query; rounded to f32 as Lucene's are. Valid until the next
  // call.
  std::span<const float> scores(const Counts& query);

 private:
  std::vector<size_t> starts_;  // of each term's postings, and the end of the last
  std::vector<uint32_t> texts_;
  std::vector<double> shares_;   // tf / (tf + penalty), by posting
  std::vector<double> weights_;  // idf, by term
  std::vector<double> sums_;
  std::vector<float> scores_;
};

}  // namespace lode::index
