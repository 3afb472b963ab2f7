#include "index/linear_ranker.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "index/lexical_features.h"

namespace lode::embedded {
std::string_view ranker();
}

namespace lode::index {

Result<LinearRanker> LinearRanker::parse(std::string_view text, std::string_view what,
                                         std::span<const std::string_view> features) {
  constexpr int64_t kFormat = 1;
  LODE_ASSIGN(const json::Document document, json::Document::parse(text, what));
  const auto format = document.root().get("format");
  if (!format || format->as_int() != kFormat) {
    return fail(Code::unsupported,
                fmt::format("{} has the format {}, {} was expected", what, format ? format->text() : "none", kFormat),
                "Make it again with lode train-ranker.");
  }
  const auto weights = document.root().get("weights");
  if (!weights || !weights->is(json::Kind::object)) {
    return fail(Code::corrupt, fmt::format("{} has no object \"weights\"", what),
                "Make it again with lode train-ranker.");
  }
  std::vector<double> out;
  for (const std::string_view name : features) {
    const auto weight = weights->get(name);
    const auto value = weight ? weight->as_double() : std::nullopt;
    if (!value) {
      return fail(Code::invalid_argument, fmt::format("{} has no number for the feature {}", what, name),
                  "It was made by another version: make it again with lode train-ranker.");
    }
    out.push_back(*value);
  }
  for (const auto& [name, value] : weights->members()) {
    if (std::ranges::find(features, name) == features.end()) {
      return fail(Code::invalid_argument, fmt::format("{} has a weight for {}, which is no feature", what, name),
                  "It was made by another version: make it again with lode train-ranker.");
    }
  }
  return LinearRanker(std::move(out));
}

const LinearRanker& LinearRanker::built_in() {
  static const LinearRanker ranker = [] {
    auto parsed = parse(embedded::ranker(), "the ranker that is built in", feature_names());
    LODE_CHECK(parsed.has_value());
    return *std::move(parsed);
  }();
  return ranker;
}

std::vector<double> LinearRanker::scores(std::span<const float> rows) const {
  const size_t n = rows.size() / weights_.size();
  std::vector<double> out(n);
  // Several rows side by side: each is a chain of sums in the order of the weights.
  constexpr size_t kTogether = 4;
  const auto add = [&]<size_t kRows>(size_t first) {
    std::array<double, kRows> sums{};
    const float* const values = rows.data() + first * weights_.size();
    for (size_t j = 0; j < weights_.size(); ++j) {
      for (size_t i = 0; i < kRows; ++i) sums[i] += weights_[j] * static_cast<double>(values[i * weights_.size() + j]);
    }
    std::ranges::copy(sums, out.begin() + static_cast<ptrdiff_t>(first));
  };
  size_t row = 0;
  for (; row + kTogether <= n; row += kTogether) add.operator()<kTogether>(row);
  for (; row < n; ++row) add.operator()<1>(row);
  return out;
}

}  // namespace lode::index
