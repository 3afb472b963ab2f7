// The documents nearest to each query, exactly: all inner products in f32, and the best k of each query with
// trec_eval's ties (equal scores: the greater id first), so that where the list is cut does not depend on the order of
// the corpus.
#pragma once

#include <cstdint>
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

// queries: [n_queries, dims], documents: [ids.size(), dims], both row-major and normalised where cosine is meant; best
// first, min(k, ids.size()) for each query. `context` is used by one thread at a time.
std::vector<std::vector<Neighbour>> exact_search(kernels::Context& context, std::span<const float> queries,
                                                 std::span<const float> documents, int64_t dims,
                                                 std::span<const std::string> ids, size_t k);

// ranks[d]: the place of document d's id in ascending order, which decides ties.
std::vector<uint32_t> id_ranks(std::span<const std::string> ids);

// The best k of one query's scores, one a document; zeros too. Best first, ties as above. ranks: id_ranks() of them.
std::vector<Neighbour> best_of(std::span<const float> scores, const std::vector<uint32_t>& ranks, size_t k);

}  // namespace lode::eval
