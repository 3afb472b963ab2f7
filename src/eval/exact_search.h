// The documents nearest to each query, exactly: all inner products in f32, and the best k of each query with
// trec_eval's ties (equal scores: the greater id first), so that where the list is cut depends neither on the order of
// the corpus nor on how it is cut into blocks.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/context.h"

namespace lode::eval {

struct Neighbour {
  uint32_t document = 0;
  float score = 0;
};

// Where ids stand in ascending order, which decides ties, and back.
struct IdOrder {
  explicit IdOrder(std::span<const std::string> ids);

  std::vector<uint32_t> place;     // of document d's id
  std::vector<uint32_t> document;  // at that place
};

// The best k of one query's scores, one a document, those below `least` left out. Best first, ties as above.
std::vector<Neighbour> best_of(std::span<const float> scores, const IdOrder& order, size_t k,
                               float least = -std::numeric_limits<float>::infinity());

// A search over documents that come block by block and need not be kept: what is held is the queries and, for each of
// them, less than 2k + 64 candidates. `context` is used by one thread at a time, the caller's.
class ExactSearch {
 public:
  // queries: [n_queries, dims], row-major, copied; normalised where cosine is meant. `order`: of all documents' ids;
  // it outlives the search. k is cut to the number of documents.
  ExactSearch(kernels::Context& context, std::span<const float> queries, int64_t dims, const IdOrder& order, size_t k);
  ~ExactSearch();
  ExactSearch(const ExactSearch&) = delete;
  ExactSearch& operator=(const ExactSearch&) = delete;

  // documents: [n, dims], the next n of the corpus.
  void add(std::span<const float> documents);
  // Best first, min(k, documents) for each query. All documents were added; nothing comes after it.
  std::vector<std::vector<Neighbour>> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All documents at once: [ids.size(), dims].
std::vector<std::vector<Neighbour>> exact_search(kernels::Context& context, std::span<const float> queries,
                                                 std::span<const float> documents, int64_t dims,
                                                 std::span<const std::string> ids, size_t k);

}  // namespace lode::eval
