#include "eval/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/correlation.h"

namespace lode::eval {
namespace {

constexpr std::string_view kSpearman = "_spearman", kPearson = "_pearson";
constexpr size_t kNamed = 3;  // items that a message names

std::optional<size_t> column(const ItemScores& items, std::string_view measure) {
  const auto found = std::ranges::find(items.measures, measure);
  if (found == items.measures.end()) return std::nullopt;
  return static_cast<size_t>(found - items.measures.begin());
}

Result<std::unordered_map<std::string_view, size_t>> rows(const ItemScores& items, std::string_view which) {
  std::unordered_map<std::string_view, size_t> out;
  for (size_t i = 0; i < items.ids.size(); ++i) {
    if (!out.emplace(items.ids[i], i).second) {
      return fail(Code::corrupt, fmt::format("the {} result has the {} {} twice", which, items.item, items.ids[i]));
    }
  }
  return out;
}

// Row of the second result for each of the first.
Result<std::vector<size_t>> match(const ItemScores& first, const ItemScores& second) {
  LODE_ASSIGN(const auto first_rows, rows(first, "first"));
  LODE_ASSIGN(const auto second_rows, rows(second, "second"));
  std::vector<size_t> out;
  std::vector<std::string_view> only_first, only_second;
  for (const std::string& id : first.ids) {
    const auto found = second_rows.find(id);
    if (found == second_rows.end()) {
      only_first.push_back(id);
    } else {
      out.push_back(found->second);
    }
  }
  for (const std::string& id : second.ids) {
    if (!first_rows.contains(id)) only_second.push_back(id);
  }
  if (only_first.empty() && only_second.empty()) return out;
  std::string message = "the results are of different items:";
  const auto name = [&](const std::vector<std::string_view>& ids, std::string_view which) {
    if (ids.empty()) return;
    message +=
        fmt::format(" {} only in the {} ({}{})", ids.size(), which,
                    fmt::join(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(std::min(kNamed, ids.size())), ", "),
                    ids.size() > kNamed ? " ..." : "");
  };
  name(only_first, "first");
  name(only_second, "second");
  return fail(Code::corrupt, std::move(message), "Compare runs over the same items, with the same --limit.");
}

Result<std::vector<double>> values(const ItemScores& items, size_t at, std::string_view which) {
  std::vector<double> out;
  for (size_t i = 0; i < items.ids.size(); ++i) {
    out.push_back(items.values[i * items.measures.size() + at]);
    if (!std::isfinite(out.back())) {
      return fail(Code::corrupt, fmt::format("the {} result has no {} of the {} {}", which, items.measures[at],
                                             items.item, items.ids[i]));
    }
  }
  return out;
}

std::vector<double> reordered(const std::vector<double>& values, const std::vector<size_t>& order) {
  std::vector<double> out;
  for (const size_t i : order) out.push_back(values[i]);
  return out;
}

double mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

Comparison compare_means(const std::vector<double>& a, const std::vector<double>& b) {
  Comparison out;
  out.n_items = a.size();
  out.first = mean(a);
  out.second = mean(b);
  out.difference = out.second - out.first;
  for (size_t i = 0; i < a.size(); ++i) out.differences.push_back(b[i] - a[i]);
  out.first_items = a;
  out.second_items = b;
  out.n_better = static_cast<size_t>(std::ranges::count_if(out.differences, [](double d) { return d > 0; }));
  out.n_worse = static_cast<size_t>(std::ranges::count_if(out.differences, [](double d) { return d < 0; }));
  out.n_equal = a.size() - out.n_better - out.n_worse;
  const auto is_binary = [](double x) { return x == 0 || x == 1; };
  if (std::ranges::all_of(a, is_binary) && std::ranges::all_of(b, is_binary)) {
    out.test = PairedTest::mcnemar;
    out.p = mcnemar_exact(out.n_worse, out.n_better);
  } else {
    const RandomisationTest test = randomisation_test(out.differences);
    out.test = test.exact ? PairedTest::exact_randomisation : PairedTest::randomisation;
    out.p = test.p;
  }
  const auto intervals = bootstrap_intervals(a.size(), 3, [&](std::span<const uint32_t> times, std::span<double> row) {
    double sum_a = 0, sum_b = 0;
    for (size_t i = 0; i < times.size(); ++i) {
      sum_a += times[i] * a[i];
      sum_b += times[i] * b[i];
    }
    const auto n = static_cast<double>(times.size());
    row[0] = sum_a / n;
    row[1] = sum_b / n;
    row[2] = (sum_b - sum_a) / n;
  });
  out.first_interval = intervals[0];
  out.second_interval = intervals[1];
  out.interval = intervals[2];
  return out;
}

// Ranks of values that are repeated so many times, without sorting them again.
class RepeatedRanks {
 public:
  explicit RepeatedRanks(const std::vector<double>& x) : x_(&x), order_(x.size()), ranks_(x.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::ranges::sort(order_, {}, [&](size_t i) { return x[i]; });
  }
  const std::vector<double>& of(std::span<const uint32_t> times) {
    double n_below = 0;
    for (size_t begin = 0; begin < order_.size();) {
      size_t end = begin;
      double n_here = 0;
      for (; end < order_.size() && (*x_)[order_[end]] == (*x_)[order_[begin]]; ++end) n_here += times[order_[end]];
      for (size_t i = begin; i < end; ++i) ranks_[order_[i]] = n_below + (n_here + 1) / 2;
      n_below += n_here;
      begin = end;
    }
    return ranks_;
  }

 private:
  const std::vector<double>* x_;
  std::vector<size_t> order_;
  std::vector<double> ranks_;
};

// Pearson's correlation of values that are repeated so many times; NaN where one side is constant.
double repeated_pearson(std::span<const uint32_t> times, std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(times.size());  // as many are drawn
  // Not by the sums: a constant side leaves rounding errors of its mean.
  const auto constant = [&](std::span<const double> v) {
    std::optional<double> first;
    for (size_t i = 0; i < times.size(); ++i) {
      if (times[i] == 0) continue;
      if (first && *first != v[i]) return false;
      first = v[i];
    }
    return true;
  };
  if (constant(x) || constant(y)) return std::numeric_limits<double>::quiet_NaN();
  double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    mean_x += times[i] * x[i] / n;
    mean_y += times[i] * y[i] / n;
  }
  for (size_t i = 0; i < times.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += times[i] * dx * dx;
    yy += times[i] * dy * dy;
    xy += times[i] * dx * dy;
  }
  return xy / std::sqrt(xx * yy);
}

Comparison compare_correlations(const std::vector<double>& a, const std::vector<double>& b,
                                const std::vector<double>& gold, bool by_rank) {
  const auto correlation = [&](const std::vector<double>& x) { return by_rank ? spearman(x, gold) : pearson(x, gold); };
  Comparison out;
  out.n_items = a.size();
  out.first = correlation(a);
  out.second = correlation(b);
  out.difference = out.second - out.first;

  // Cosines of two models have different scales, ranks have the same.
  const std::vector<double> x = by_rank ? average_ranks(a) : a, y = by_rank ? average_ranks(b) : b,
                            g = by_rank ? average_ranks(gold) : gold;
  std::vector<double> left(x.size()), right(x.size());
  const RandomisationTest test = randomisation_test(x.size(), [&](std::span<const uint8_t> exchanged) {
    for (size_t i = 0; i < x.size(); ++i) {
      left[i] = exchanged[i] != 0 ? y[i] : x[i];
      right[i] = exchanged[i] != 0 ? x[i] : y[i];
    }
    return pearson(right, g) - pearson(left, g);
  });
  out.test = test.exact ? PairedTest::exact_randomisation : PairedTest::randomisation;
  out.p = test.p;

  RepeatedRanks a_ranks(a), b_ranks(b), gold_ranks(gold);
  const auto intervals = bootstrap_intervals(a.size(), 3, [&](std::span<const uint32_t> times, std::span<double> row) {
    const std::vector<double>& to = by_rank ? gold_ranks.of(times) : gold;
    row[0] = repeated_pearson(times, by_rank ? a_ranks.of(times) : a, to);
    row[1] = repeated_pearson(times, by_rank ? b_ranks.of(times) : b, to);
    row[2] = row[1] - row[0];
  });
  out.first_interval = intervals[0];
  out.second_interval = intervals[1];
  out.interval = intervals[2];
  return out;
}

}  // namespace

std::string_view test_name(PairedTest test) {
  switch (test) {
    case PairedTest::exact_randomisation: return "exact randomisation";
    case PairedTest::randomisation: return "randomisation";
    case PairedTest::mcnemar: return "McNemar, exact";
  }
  return "";
}

Result<Comparison> compare(const ItemScores& first, const ItemScores& second, std::string_view measure) {
  if (first.ids.empty()) return fail(Code::corrupt, "the first result has no items");
  const bool by_rank = measure.ends_with(kSpearman);
  const bool is_correlation =
      (by_rank || measure.ends_with(kPearson)) && !column(first, measure) && column(first, "gold");
  const std::string_view name =
      is_correlation ? measure.substr(0, measure.size() - (by_rank ? kSpearman : kPearson).size()) : measure;
  const auto at_first = column(first, name), at_second = column(second, name);
  if (!at_first || !at_second) {
    return fail(Code::invalid_argument,
                fmt::format("the {} result has no measure {} of its items", at_first ? "second" : "first", measure),
                fmt::format("It has {}.", fmt::join((at_first ? second : first).measures, ", ")));
  }
  LODE_ASSIGN(const std::vector<size_t> order, match(first, second));
  LODE_ASSIGN(const std::vector<double> a, values(first, *at_first, "first"));
  LODE_ASSIGN(const std::vector<double> unordered, values(second, *at_second, "second"));
  const std::vector<double> b = reordered(unordered, order);
  if (!is_correlation) return compare_means(a, b);
  const auto gold_second = column(second, "gold");
  LODE_ASSIGN(const std::vector<double> gold, values(first, *column(first, "gold"), "first"));
  LODE_ASSIGN(const std::vector<double> other, values(second, gold_second.value_or(0), "second"));
  if (!gold_second || reordered(other, order) != gold) {
    return fail(Code::corrupt, "the two results have different gold scores", "They are of different data.");
  }
  return compare_correlations(a, b, gold, by_rank);
}

}  // namespace lode::eval
