#include "eval/pair_scores.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace lode::eval {

namespace {

double cosine_of(double dot, double aa, double bb) {
  const double norms = std::sqrt(aa) * std::sqrt(bb);
  return norms > 0 ? dot / norms : 0;
}

}  // namespace

double greatest_cosine(std::span<const float> one, std::span<const float> others) {
  const size_t dims = one.size();
  LODE_CHECK(dims > 0 && others.size() % dims == 0);
  double best = -1;
  for (size_t begin = 0; begin < others.size(); begin += dims) {
    double dot = 0, aa = 0, bb = 0;
    for (size_t d = 0; d < dims; ++d) {
      const double a = one[d], b = others[begin + d];
      dot += a * b;
      aa += a * a;
      bb += b * b;
    }
    best = std::max(best, cosine_of(dot, aa, bb));
  }
  return best;
}

PairScores compare_pairs(std::span<const float> first, std::span<const float> second, size_t dims) {
  LODE_CHECK(dims > 0 && first.size() == second.size() && first.size() % dims == 0);
  PairScores out;
  for (size_t begin = 0; begin < first.size(); begin += dims) {
    double dot = 0, aa = 0, bb = 0, squares = 0, absolutes = 0;
    for (size_t d = begin; d < begin + dims; ++d) {
      const double a = first[d], b = second[d];
      dot += a * b;
      aa += a * a;
      bb += b * b;
      squares += (a - b) * (a - b);
      absolutes += std::abs(a - b);
    }
    out.cosine.push_back(cosine_of(dot, aa, bb));
    out.dot.push_back(dot);
    out.euclidean.push_back(-std::sqrt(squares));
    out.manhattan.push_back(-absolutes);
  }
  return out;
}

}  // namespace lode::eval
