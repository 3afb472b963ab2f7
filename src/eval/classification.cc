#include "eval/classification.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "eval/binary_scores.h"
#include "eval/logistic_regression.h"

namespace lode::eval {
namespace {

// MTEB hands scikit-learn the predicted labels as scores. Empty where that means nothing: v1 asks for two labels to
// learn from, v2 for two to be told apart, and one must be the positive one.
std::optional<double> average_precision(std::span<const int32_t> learnt, std::span<const int32_t> truth,
                                        std::span<const int32_t> predicted, const ClassificationOptions& options) {
  const std::span<const int32_t> decisive = options.rules == Rules::mteb_v1 ? learnt : truth;
  if (!options.positive || std::set<int32_t>(decisive.begin(), decisive.end()).size() != 2) return std::nullopt;
  std::vector<double> scores(predicted.begin(), predicted.end());
  std::vector<uint8_t> is_positive;
  is_positive.reserve(truth.size());
  for (const int32_t label : truth) is_positive.push_back(label == *options.positive ? 1 : 0);
  return average_precision_score(scores, is_positive);
}

Result<ClassificationScores> experiment(const LabelledVectors& train, const LabelledVectors& test, int64_t n_dims,
                                        std::span<const uint32_t> sample, const ClassificationOptions& options) {
  std::vector<float> vectors;
  std::vector<int32_t> labels;
  vectors.reserve(sample.size() * static_cast<size_t>(n_dims));
  for (const uint32_t row : sample) {
    const auto vector = train.vectors.subspan(row * static_cast<size_t>(n_dims), static_cast<size_t>(n_dims));
    vectors.insert(vectors.end(), vector.begin(), vector.end());
    labels.push_back(train.labels[row]);
  }
  LogisticOptions logistic;
  logistic.per_row = options.rules == Rules::mteb_v2;
  LODE_ASSIGN(const auto classifier, LogisticRegression::fit(vectors, n_dims, labels, logistic));
  const std::vector<int32_t> predicted = classifier.predict(test.vectors);
  ClassificationScores out;
  out.labels = label_scores(test.labels, predicted);
  out.average_precision = average_precision(labels, test.labels, predicted, options);
  return out;
}

}  // namespace

Result<std::vector<ClassificationScores>> classify(ThreadPool& pool, const LabelledVectors& train,
                                                   const LabelledVectors& test, int64_t n_dims,
                                                   std::span<const std::vector<uint32_t>> samples,
                                                   const ClassificationOptions& options) {
  for (const LabelledVectors& side : {train, test})
    LODE_CHECK(side.vectors.size() == side.labels.size() * static_cast<size_t>(n_dims));
  std::vector<Result<ClassificationScores>> results(samples.size());
  pool.for_each(samples.size(),
                [&](size_t i, int) { results[i] = experiment(train, test, n_dims, samples[i], options); });
  std::vector<ClassificationScores> out;
  for (auto& result : results) {
    LODE_ASSIGN(ClassificationScores scores, std::move(result));
    out.push_back(scores);
  }
  return out;
}

}  // namespace lode::eval
