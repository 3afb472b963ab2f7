// Classification as MTEB measures a model: can a logistic regression that saw a few vectors of each label tell the
// labels of the others? Several experiments, each with its own few samples; a task's score is the mean over them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "eval/label_scores.h"
#include "eval/rules.h"

namespace lode::eval {

// Vectors and their labels (places in a LabelOrder of both sides). vectors: [labels.size(), n_dims], row-major.
struct LabelledVectors {
  std::span<const float> vectors;
  std::span<const int32_t> labels;
};

struct ClassificationScores {
  LabelScores labels;
  // Of the predicted labels, where there are two: scikit-learn's average_precision_score.
  std::optional<double> average_precision;
};

struct ClassificationOptions {
  Rules rules = Rules::mteb_v1;
  // The label that average precision takes as the positive one, if any.
  std::optional<int32_t> positive;
};

// One result for each of `samples`, which lists the rows of `train` that an experiment learns from (undersample()).
// Experiments run side by side on the pool. Errors: those of LogisticRegression::fit.
Result<std::vector<ClassificationScores>> classify(ThreadPool& pool, const LabelledVectors& train,
                                                   const LabelledVectors& test, int64_t n_dims,
                                                   std::span<const std::vector<uint32_t>> samples,
                                                   const ClassificationOptions& options);

}  // namespace lode::eval
