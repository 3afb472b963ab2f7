#include "eval/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <boost/math/special_functions/beta.hpp>

#include "base/error.h"

namespace lode::eval {

double pearson(std::span<const double> x, std::span<const double> y) {
  LODE_CHECK(x.size() == y.size());
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n,
               mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  // A constant side leaves rounding errors of its mean, which must not be taken for variation.
  const auto constant = [](std::span<const double> v) {
    return std::ranges::adjacent_find(v, std::not_equal_to{}) == v.end();
  };
  if (x.size() < 2 || constant(x) || constant(y)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

std::vector<double> average_ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return x[i]; });
  std::vector<double> ranks(x.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double mean = static_cast<double>(begin + end + 1) / 2;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = mean;
    begin = end;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(average_ranks(x), average_ranks(y));
}

double correlation_p_value(double correlation, size_t n) {
  LODE_CHECK(n >= 3);
  const double half_freedom = (static_cast<double>(n) - 2) / 2;
  // P(|t| > t0) as the regularised incomplete beta function of 1 - r^2.
  return boost::math::ibeta(half_freedom, 0.5, (1 - correlation) * (1 + correlation));
}

}  // namespace lode::eval
