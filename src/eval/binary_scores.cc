#include "eval/binary_scores.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "base/error.h"

namespace lode::eval {
namespace {

// Highest score first; equal ones keep their order, as a stable sort of the field's own code leaves them.
std::vector<size_t> descending(std::span<const double> scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t i) { return scores[i]; });
  return order;
}

double n_positive(std::span<const uint8_t> labels) {
  return static_cast<double>(std::ranges::count_if(labels, [](uint8_t label) { return label != 0; }));
}

}  // namespace

double average_precision_score(std::span<const double> scores, std::span<const uint8_t> labels) {
  LODE_CHECK(scores.size() == labels.size());
  const double n_all = n_positive(labels);
  if (n_all == 0) return 0;
  const std::vector<size_t> order = descending(scores);
  double sum = 0, n_found = 0;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double n_here = 0;
    while (end < order.size() && scores[order[end]] == scores[order[begin]])
      n_here += labels[order[end++]] != 0 ? 1 : 0;
    n_found += n_here;
    sum += n_here / n_all * n_found / static_cast<double>(end);
    begin = end;
  }
  return sum;
}

BestThreshold best_accuracy(std::span<const double> scores, std::span<const uint8_t> labels, Ties ties) {
  LODE_CHECK(scores.size() == labels.size());
  const std::vector<size_t> order = descending(scores);
  const auto n = static_cast<double>(scores.size());
  BestThreshold best{.threshold = -1};
  double n_found = 0, n_negatives_below = n - n_positive(labels);
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    if (labels[order[i]] != 0) {
      ++n_found;
    } else {
      --n_negatives_below;
    }
    if (ties == Ties::whole && scores[order[i]] == scores[order[i + 1]]) continue;
    const double accuracy = (n_found + n_negatives_below) / n;
    if (accuracy > best.value) best = {accuracy, (scores[order[i]] + scores[order[i + 1]]) / 2, 0, 0};
  }
  return best;
}

BestThreshold best_f1(std::span<const double> scores, std::span<const uint8_t> labels, Ties ties) {
  LODE_CHECK(scores.size() == labels.size());
  const std::vector<size_t> order = descending(scores);
  const double n_all = n_positive(labels);
  BestThreshold best;
  double n_found = 0;
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    if (labels[order[i]] != 0) ++n_found;
    if (n_found == 0 || (ties == Ties::whole && scores[order[i]] == scores[order[i + 1]])) continue;
    const double precision = n_found / static_cast<double>(i + 1), recall = n_found / n_all;
    const double f1 = 2 * precision * recall / (precision + recall);
    if (f1 > best.value) best = {f1, (scores[order[i]] + scores[order[i + 1]]) / 2, precision, recall};
  }
  return best;
}

}  // namespace lode::eval
