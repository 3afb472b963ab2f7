// L2-regularised logistic regression as scikit-learn's LogisticRegression fits it (solver lbfgs): one weight vector for
// two classes (binomial), one a class for more (multinomial), an intercept that is not penalised. Minimises
//   sum over rows of -log p(label) + |W|^2 / (2 c)
// from zero in double precision, by liblbfgs set to the steps and tests of scipy's L-BFGS-B. Uses no other thread than
// the caller's; several may fit and predict at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct LogisticOptions {
  double c = 1;
  int max_iterations = 100;
  // Ends where no component of the gradient is larger. With per_row it is the gradient of the objective over the number
  // of rows, as since scikit-learn 1.4, which ends long before the optimum is reached; without, of the sum.
  double gradient_tolerance = 1e-4;
  bool per_row = false;
};

class LogisticRegression {
 public:
  // x: [labels.size(), n_dims], row-major. Errors: invalid_argument for fewer than two classes; internal for values
  // that are not finite.
  static Result<LogisticRegression> fit(std::span<const float> x, int64_t n_dims, std::span<const int32_t> labels,
                                        const LogisticOptions& options);

  // The labels that were seen, ascending.
  // x: [n, n_dims] -> [n] of classes(): the highest score, the first of equal ones; of two classes the second if its
  // score is above zero.
  [[nodiscard]] std::vector<int32_t> predict(std::span<const float> x) const;

  // [1 or classes().size(), n_dims + 1], the intercept last.
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] double objective() const { return objective_; }
  [[nodiscard]] int n_iterations() const { return n_iterations_; }

 private:
  std::vector<int32_t> classes_;
  std::vector<double> weights_;
  int64_t n_dims_ = 0;
  double objective_ = 0;
  int n_iterations_ = 0;
};

}  // namespace lode::eval
