// How well predicted labels match: what classification is measured by. Pure; any thread. truth and predicted: same
// length, any integers as labels.
#pragma once

#include <cstdint>
#include <span>

namespace lode::eval {

// scikit-learn's accuracy_score, and f1_score, precision_score and recall_score over all labels that are true or
// predicted somewhere: their plain mean ("macro") and the mean weighted by how often a label is true. 0 where a label's
// measure has no denominator. All 0 without rows.
struct LabelScores {
  double accuracy = 0;
  double f1 = 0;
  double f1_weighted = 0;
  double precision = 0;
  double precision_weighted = 0;
  double recall = 0;
  double recall_weighted = 0;
};
LabelScores label_scores(std::span<const int32_t> truth, std::span<const int32_t> predicted);

}  // namespace lode::eval
