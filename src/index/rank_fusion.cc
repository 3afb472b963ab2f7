#include "index/rank_fusion.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace lode::index {

std::vector<double> competition_ranks(std::span<const double> scores) {
  std::vector<double> sorted(scores.begin(), scores.end());
  std::ranges::sort(sorted, std::greater{});
  std::vector<double> out;
  out.reserve(scores.size());
  for (const double score : scores) {
    const auto first = std::ranges::lower_bound(sorted, score, std::greater{});
    out.push_back(static_cast<double>(1 + (first - sorted.begin())));
  }
  return out;
}

std::vector<double> reciprocal_rank_fusion(ScoreLists lists, double k) {
  std::vector<double> out(lists.front().size());
  for (const std::span<const double> scores : lists) {
    const std::vector<double> ranks = competition_ranks(scores);
    for (size_t i = 0; i < out.size(); ++i) out[i] += 1 / (k + ranks[i]);
  }
  return out;
}

std::vector<double> standard_score_sum(ScoreLists lists) {
  std::vector<double> out(lists.front().size());
  for (const std::span<const double> scores : lists) {
    const auto n = static_cast<double>(scores.size());
    const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / n;
    double squares = 0;
    for (const double score : scores) squares += (score - mean) * (score - mean);
    const double deviation = std::sqrt(squares / n);
    if (deviation == 0) continue;
    for (size_t i = 0; i < out.size(); ++i) out[i] += (scores[i] - mean) / deviation;
  }
  return out;
}

}  // namespace lode::index
