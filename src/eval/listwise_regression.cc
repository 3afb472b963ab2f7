#include "eval/listwise_regression.h"

#include <algorithm>
#include <cmath>
#include <lbfgs.h>
#include <memory>
#include <numeric>

#include <fmt/format.h>

namespace lode::eval {
namespace {

double product(const float* row, std::span<const double> weights) {
  double out = 0;
  for (size_t j = 0; j < weights.size(); ++j) out += weights[j] * static_cast<double>(row[j]);
  return out;
}

struct Listwise {
  std::span<const RankedList* const> lists;
  size_t n_features;
  double l2;

  double evaluate(const double* x, double* gradient) const {
    const std::span<const double> weights(x, n_features);
    std::fill_n(gradient, n_features, 0.0);
    double loss = 0;
    std::vector<double> scores;
    for (const RankedList* list : lists) {
      const size_t n = list->rows.size() / n_features;
      scores.resize(n);
      for (size_t i = 0; i < n; ++i) scores[i] = product(list->rows.data() + i * n_features, weights);
      const double right = scores[list->right], most = *std::ranges::max_element(scores);
      double sum = 0;
      for (double& score : scores) sum += score = std::exp(score - most);
      loss += std::log(sum) + most - right;
      for (size_t i = 0; i < n; ++i) {
        const double share = scores[i] / sum - (i == list->right ? 1 : 0);
        const float* const row = list->rows.data() + i * n_features;
        for (size_t j = 0; j < n_features; ++j) gradient[j] += share * static_cast<double>(row[j]);
      }
    }
    const auto n_lists = static_cast<double>(lists.size());
    loss /= n_lists;
    for (size_t j = 0; j < n_features; ++j) {
      loss += l2 * x[j] * x[j];
      gradient[j] = gradient[j] / n_lists + 2 * l2 * x[j];
    }
    return loss;
  }
};

double evaluate_listwise(void* instance, const double* x, double* gradient, int n, double /*step*/) {
  const Listwise& objective = *static_cast<const Listwise*>(instance);
  std::fill(gradient + objective.n_features, gradient + n, 0.0);
  return objective.evaluate(x, gradient);
}

}  // namespace

Result<std::vector<double>> fit_listwise(std::span<const RankedList* const> lists, size_t n_features,
                                         const ListwiseOptions& options) {
  if (lists.empty()) return fail(Code::invalid_argument, "A ranker needs lists to learn from, none were given");
  for (const RankedList* list : lists) {
    LODE_CHECK(list->rows.size() % n_features == 0 && list->right < list->rows.size() / n_features);
    if (!std::ranges::all_of(list->rows, [](float value) { return std::isfinite(value); })) {
      return fail(Code::internal, "A feature to rank by is not finite");
    }
  }
  constexpr size_t kWidth = 16;  // liblbfgs takes whole vectors; what is behind the weights stays zero
  const auto n = static_cast<int>((n_features + kWidth - 1) / kWidth * kWidth);
  const std::unique_ptr<double, decltype(&lbfgs_free)> point(lbfgs_malloc(n), &lbfgs_free);
  std::fill_n(point.get(), n, 0.0);
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.m = 10;
  parameters.epsilon = 1e-6;
  parameters.max_iterations = options.max_iterations;
  Listwise objective{lists, n_features, options.l2};
  double value = 0;
  const int ended = lbfgs(n, point.get(), &value, evaluate_listwise, nullptr, &objective, &parameters);
  // A line search that rounding has ended is an end too: the objective is convex.
  const bool failed = ended == LBFGSERR_OUTOFMEMORY || ended == LBFGSERR_INVALID_N || !std::isfinite(value);
  if (failed) return fail(Code::internal, fmt::format("The ranker's weights could not be found (liblbfgs: {})", ended));
  return std::vector<double>(point.get(), point.get() + n_features);
}

size_t rank_of_right(const RankedList& list, std::span<const double> weights) {
  const double right = product(list.rows.data() + list.right * weights.size(), weights);
  size_t rank = 0;
  for (size_t at = 0; at < list.rows.size(); at += weights.size()) {
    rank += product(list.rows.data() + at, weights) >= right ? 1 : 0;
  }
  return rank;
}

}  // namespace lode::eval
