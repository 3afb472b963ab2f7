// How alike the two texts of a pair are by their vectors, in the four ways that the field's harnesses compare. Pure;
// any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lode::eval {

struct PairScores {  // by pair; higher is more alike
  std::vector<double> cosine;
  std::vector<double> dot;
  std::vector<double> euclidean;  // the negative distance
  std::vector<double> manhattan;  // the negative distance
};

// first, second: [n, dims], row i of both is pair i. A vector of zeros has the cosine 0 with everything, as in
// scikit-learn.
PairScores compare_pairs(std::span<const float> first, std::span<const float> second, size_t dims);

// The greatest cosine of one, [dims], with any of others, [n, dims]; -1 for none.
double greatest_cosine(std::span<const float> one, std::span<const float> others);

}  // namespace lode::eval
