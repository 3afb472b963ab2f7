// A linear ranking: a score is the weighted sum of a row's features. The weights come from a small versioned JSON file,
// of which one is built in (ranker.json, made by `lode train-ranker`). Immutable; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::index {

class LinearRanker {
 public:
  // {"format": 1, "weights": {NAME: number, ...}}; other members are for people. `what` names it in errors. Errors:
  // corrupt; unsupported for another format; invalid_argument where the names are not those of `features`.
  static Result<LinearRanker> parse(std::string_view json, std::string_view what,
                                    std::span<const std::string_view> features);
  // The one that is built in.
  static const LinearRanker& built_in();

  explicit LinearRanker(std::vector<double> weights) : weights_(std::move(weights)) {}

  // rows: [n, weights().size()] -> [n].
  [[nodiscard]] std::vector<double> scores(std::span<const float> rows) const;
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

 private:
  std::vector<double> weights_;
};

}  // namespace lode::index
