#include "eval/paired_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "eval/numpy_random.h"

namespace lode::eval {
namespace {

constexpr int kWordBits = 32;
// Exchanges that should give the very same difference give it in another order of additions.
constexpr double kRounding = 1e-12;

// numpy.quantile of sorted values, method "linear".
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double share = place - static_cast<double>(below);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

}  // namespace

RandomisationTest randomisation_test(size_t n_items,
                                     const std::function<double(std::span<const uint8_t> exchanged)>& difference) {
  std::vector<uint8_t> exchanged(n_items, 0);
  const double least = std::abs(difference(exchanged)) * (1 - kRounding);
  size_t n_extreme = 0;
  if (n_items <= kExactItems) {
    const size_t n_all = size_t{1} << n_items;
    for (size_t bits = 0; bits < n_all; ++bits) {
      for (size_t i = 0; i < n_items; ++i) exchanged[i] = static_cast<uint8_t>(bits >> i & 1);
      if (!(std::abs(difference(exchanged)) < least)) ++n_extreme;
    }
    return {static_cast<double>(n_extreme) / static_cast<double>(n_all), true};
  }
  NumpyRandom random(kPairedSeed);
  for (size_t draw = 0; draw < kExchanges; ++draw) {
    for (size_t begin = 0; begin < n_items; begin += kWordBits) {
      uint32_t word = random.next32();
      for (size_t i = begin; i < std::min(n_items, begin + kWordBits); ++i, word >>= 1) exchanged[i] = word & 1;
    }
    if (!(std::abs(difference(exchanged)) < least)) ++n_extreme;
  }
  return {static_cast<double>(1 + n_extreme) / static_cast<double>(1 + kExchanges), false};
}

RandomisationTest randomisation_test(std::span<const double> differences) {
  std::vector<double> d;
  std::ranges::copy_if(differences, std::back_inserter(d), [](double x) { return x != 0; });
  return randomisation_test(d.size(), [&](std::span<const uint8_t> exchanged) {
    // Several sums, so that one addition need not wait for the one before.
    double sums[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < d.size(); ++i) sums[i % 4] += exchanged[i] != 0 ? -d[i] : d[i];
    return sums[0] + sums[1] + (sums[2] + sums[3]);
  });
}

double mcnemar_exact(size_t n_only_first, size_t n_only_second) {
  const size_t n = n_only_first + n_only_second;
  if (n_only_first == n_only_second) return 1;
  double tail = 0;
  const auto log_factorial = [](size_t k) { return std::lgamma(static_cast<double>(k) + 1); };
  for (size_t k = 0; k <= std::min(n_only_first, n_only_second); ++k) {
    tail +=
        std::exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) - static_cast<double>(n) * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

std::vector<Interval> bootstrap_intervals(
    size_t n_items, size_t n_statistics,
    const std::function<void(std::span<const uint32_t> times, std::span<double> out)>& statistics) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::vector<double>> values(n_statistics);
  NumpyRandom random(kPairedSeed);
  std::vector<uint32_t> times(n_items);
  std::vector<double> row(n_statistics);
  for (size_t resample = 0; n_items > 0 && resample < kResamples; ++resample) {
    std::ranges::fill(times, 0U);
    for (size_t i = 0; i < n_items; ++i) ++times[random.interval(n_items - 1)];
    statistics(times, row);
    for (size_t s = 0; s < n_statistics; ++s) {
      if (!std::isnan(row[s])) values[s].push_back(row[s]);
    }
  }
  std::vector<Interval> out(n_statistics, {kNaN, kNaN});
  for (size_t s = 0; s < n_statistics; ++s) {
    if (values[s].empty()) continue;
    std::ranges::sort(values[s]);
    out[s] = {quantile(values[s], 0.025), quantile(values[s], 0.975)};
  }
  return out;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return p[i]; });
  std::vector<double> out(p.size());
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    out[order[rank]] = largest;
  }
  return out;
}

}  // namespace lode::eval
