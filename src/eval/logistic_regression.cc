#include "eval/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <lbfgs.h>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "eval/dot_products.h"

namespace lode::eval {
namespace {

// log(1 + exp(x)) without overflow.
double log1p_exp(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// What is minimised. A row of x ends with 1, so that the intercept is one more weight.
class Objective {
 public:
  Objective(std::span<const float> x, int64_t n_dims, std::vector<int32_t> targets, int64_t n_outputs,
            const LogisticOptions& options)
      : options_(options),
        targets_(std::move(targets)),
        rows_(std::ssize(targets_), n_dims + 1),
        columns_(n_dims + 1, std::ssize(targets_)),
        weights_(n_outputs, n_dims + 1),
        gradient_(n_outputs, n_dims + 1),
        scores_(std::ssize(targets_), n_outputs),
        residuals_(n_outputs, std::ssize(targets_)),
        scale_(options.per_row ? 1 / static_cast<double>(targets_.size()) : 1) {
    for (int64_t i = 0; i < rows_.n_rows(); ++i) {
      for (int64_t d = 0; d < n_dims; ++d) {
        rows_.row(i)[d] = columns_.row(d)[i] = static_cast<double>(x[static_cast<size_t>(i * n_dims + d)]);
      }
      rows_.row(i)[n_dims] = columns_.row(n_dims)[i] = 1;
    }
  }

  [[nodiscard]] int64_t n_weights() const { return weights_.n_rows() * weights_.n_columns(); }
  [[nodiscard]] double scale() const { return scale_; }

  // x, gradient: [n_outputs, n_dims + 1].
  double evaluate(const double* x, double* gradient) {
    const int64_t n_columns = weights_.n_columns();
    for (int64_t k = 0; k < weights_.n_rows(); ++k) std::copy_n(x + k * n_columns, n_columns, weights_.row(k));
    dot_products(rows_, weights_, scores_);
    double loss = 0;
    for (int64_t i = 0; i < rows_.n_rows(); ++i) loss += weights_.n_rows() == 1 ? binomial(i) : multinomial(i);
    dot_products(residuals_, columns_, gradient_);
    double penalty = 0;
    for (int64_t k = 0; k < weights_.n_rows(); ++k) {
      for (int64_t d = 0; d < n_columns; ++d) {
        const double weight = d + 1 == n_columns ? 0 : weights_.row(k)[d] / options_.c;
        penalty += weight * weights_.row(k)[d] / 2;
        gradient[k * n_columns + d] = scale_ * (gradient_.row(k)[d] + weight);
      }
    }
    return scale_ * (loss + penalty);
  }

 private:
  // Each: the loss of row i, and into residuals_ what a step up of each of its scores adds to it.
  double binomial(int64_t i) {
    const double score = scores_.row(i)[0];
    const bool positive = targets_[static_cast<size_t>(i)] == 1;
    residuals_.row(0)[i] = 1 / (1 + std::exp(-score)) - (positive ? 1 : 0);
    return log1p_exp(positive ? -score : score);
  }
  double multinomial(int64_t i) {
    const std::span<const double> scores(scores_.row(i), static_cast<size_t>(weights_.n_rows()));
    const double highest = *std::ranges::max_element(scores);
    double sum = 0;
    for (const double score : scores) sum += std::exp(score - highest);
    const auto target = static_cast<size_t>(targets_[static_cast<size_t>(i)]);
    for (size_t k = 0; k < scores.size(); ++k) {
      residuals_.row(static_cast<int64_t>(k))[i] = std::exp(scores[k] - highest) / sum - (k == target ? 1 : 0);
    }
    return std::log(sum) + highest - scores[target];
  }

  LogisticOptions options_;
  std::vector<int32_t> targets_;  // places in the classes
  DoubleMatrix rows_;             // [n, n_dims + 1]
  DoubleMatrix columns_;          // its transpose
  DoubleMatrix weights_, gradient_;
  DoubleMatrix scores_;     // [n, n_outputs]
  DoubleMatrix residuals_;  // [n_outputs, n]
  double scale_;
};

double largest(const double* g, int64_t n) {
  double out = 0;
  for (int64_t i = 0; i < n; ++i) out = std::max(out, std::abs(g[i]));
  return out;
}

// One run of liblbfgs and when to end it.
struct Descent {
  Objective& objective;
  const LogisticOptions& options;
  double value = 0;  // of the last accepted point
  int n_iterations = 0;
  bool done = false;
};

double evaluate(void* instance, const double* x, double* gradient, int n, double /*step*/) {
  Objective& objective = static_cast<Descent*>(instance)->objective;
  std::fill(gradient + objective.n_weights(), gradient + n, 0.0);
  return objective.evaluate(x, gradient);
}

// L-BFGS-B's two tests, in its order.
int accepted(void* instance, const double* /*x*/, const double* gradient, double value, double /*x_norm*/,
             double /*gradient_norm*/, double /*step*/, int n, int /*k*/, int /*n_trials*/) {
  constexpr double kLeastDecrease = 64 * std::numeric_limits<double>::epsilon();
  auto& descent = *static_cast<Descent*>(instance);
  ++descent.n_iterations;
  const double decrease = descent.value - value;
  descent.done = largest(gradient, n) <= descent.options.gradient_tolerance ||
                 decrease <= kLeastDecrease * std::max({std::abs(descent.value), std::abs(value), 1.0});
  descent.value = value;
  return descent.done || descent.n_iterations >= descent.options.max_iterations ? 1 : 0;
}

}  // namespace

Result<LogisticRegression> LogisticRegression::fit(std::span<const float> x, int64_t n_dims,
                                                   std::span<const int32_t> labels, const LogisticOptions& options) {
  LODE_CHECK(x.size() == labels.size() * static_cast<size_t>(n_dims));
  LogisticRegression out;
  out.n_dims_ = n_dims;
  out.classes_.assign(labels.begin(), labels.end());
  std::ranges::sort(out.classes_);
  const auto rest = std::ranges::unique(out.classes_);
  out.classes_.erase(rest.begin(), rest.end());
  if (out.classes_.size() < 2) {
    return fail(Code::invalid_argument,
                fmt::format("A classifier needs samples of 2 or more classes, {} of {} were given", labels.size(),
                            out.classes_.empty() ? "none" : "one"));
  }
  if (!std::ranges::all_of(x, [](float v) { return std::isfinite(v); }))
    return fail(Code::internal, "A vector to classify by is not finite");

  std::vector<int32_t> targets;
  targets.reserve(labels.size());
  for (const int32_t label : labels) {
    const auto place = std::ranges::lower_bound(out.classes_, label) - out.classes_.begin();
    targets.push_back(static_cast<int32_t>(place));
  }
  const int64_t n_outputs = out.classes_.size() == 2 ? 1 : std::ssize(out.classes_);
  Objective objective(x, n_dims, std::move(targets), n_outputs, options);

  constexpr int64_t kWidth = 16;  // liblbfgs takes whole vectors; what is behind the weights stays zero
  const auto n = static_cast<int>((objective.n_weights() + kWidth - 1) / kWidth * kWidth);
  const std::unique_ptr<double, decltype(&lbfgs_free)> point(lbfgs_malloc(n), &lbfgs_free);
  std::fill(point.get(), point.get() + n, 0.0);
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.m = 10;
  parameters.epsilon = 0;  // accepted() decides
  parameters.ftol = 1e-3;
  parameters.gtol = 0.9;
  parameters.max_linesearch = 50;
  Descent descent{.objective = objective, .options = options};
  std::vector<double> gradient(static_cast<size_t>(n));
  descent.value = evaluate(&descent, point.get(), gradient.data(), n, 0);
  descent.done = largest(gradient.data(), n) <= options.gradient_tolerance;
  // A search along a direction that rounding has spoilt fails; one from there with a new memory may not.
  for (double before = descent.value; !descent.done && descent.n_iterations < options.max_iterations;
       before = descent.value) {
    double value = descent.value;
    lbfgs(n, point.get(), &value, evaluate, accepted, &descent, &parameters);
    if (descent.value >= before) break;
  }
  out.weights_.assign(point.get(), point.get() + objective.n_weights());
  out.objective_ = descent.value / objective.scale();
  out.n_iterations_ = descent.n_iterations;
  return out;
}

std::vector<int32_t> LogisticRegression::predict(std::span<const float> x) const {
  constexpr int64_t kBlock = 128;  // rows
  const int64_t n_columns = n_dims_ + 1;
  const int64_t n_outputs = std::ssize(weights_) / n_columns;
  const int64_t n_rows = std::ssize(x) / n_dims_;
  DoubleMatrix weights(n_outputs, n_columns);
  for (int64_t k = 0; k < n_outputs; ++k) std::copy_n(weights_.data() + k * n_columns, n_columns, weights.row(k));
  std::vector<int32_t> out;
  out.reserve(static_cast<size_t>(n_rows));
  for (int64_t first = 0; first < n_rows; first += kBlock) {
    const int64_t n = std::min(kBlock, n_rows - first);
    DoubleMatrix rows(n, n_columns), scores(n, n_outputs);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(x.data() + (first + i) * n_dims_, n_dims_, rows.row(i));
      rows.row(i)[n_dims_] = 1;
    }
    dot_products(rows, weights, scores);
    for (int64_t i = 0; i < n; ++i) {
      const double* const s = scores.row(i);
      const size_t best =
          n_outputs == 1 ? (s[0] > 0 ? 1 : 0) : static_cast<size_t>(std::max_element(s, s + n_outputs) - s);
      out.push_back(classes_[best]);
    }
  }
  return out;
}

}  // namespace lode::eval
