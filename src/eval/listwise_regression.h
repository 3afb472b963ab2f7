// A linear ranking learnt from lists: the weights that minimise the mean over lists of -log softmax(score of the right
// row), plus l2 |w|^2 (ListNet's loss with one right answer: Cao et al., "Learning to Rank: From Pairwise Approach to
// Listwise Approach", 2007). By liblbfgs, in double precision, from zero. The caller's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct RankedList {
  std::vector<float> rows;  // [n, n_features]
  size_t right = 0;         // below n
};

struct ListwiseOptions {
  double l2 = 0.002;
  int max_iterations = 300;
};

// [n_features]. Errors: invalid_argument without lists, internal for values that are not finite.
Result<std::vector<double>> fit_listwise(std::span<const RankedList* const> lists, size_t n_features,
                                         const ListwiseOptions& options);

// 1 + the rows that score as much as the right one or more.
size_t rank_of_right(const RankedList& list, std::span<const double> weights);

}  // namespace lode::eval
