// Scores of pairs that are alike or not: what pair classification is measured by. Labels: 1 alike, 0 not. Pure; any
// thread. scores and labels: same length.
#pragma once

#include <cstdint>
#include <span>

namespace lode::eval {

// scikit-learn's average_precision_score: pairs of equal score enter together. 0 without a positive.
double average_precision_score(std::span<const double> scores, std::span<const uint8_t> labels);

// The threshold that is best for these pairs (sentence-transformers' BinaryClassificationEvaluator and MTEB): between
// two neighbours in the order of scores, higher scores being alike.
struct BestThreshold {
  double value = 0;  // of what is maximised
  double threshold = 0;
  double precision = 0;  // of best_f1
  double recall = 0;
};
// Whether a threshold may fall between pairs of equal score, whose order then counts: MTEB allowed it until 2026.
enum class Ties : unsigned char { split, whole };
BestThreshold best_accuracy(std::span<const double> scores, std::span<const uint8_t> labels, Ties ties = Ties::split);
BestThreshold best_f1(std::span<const double> scores, std::span<const uint8_t> labels, Ties ties = Ties::split);

}  // namespace lode::eval
