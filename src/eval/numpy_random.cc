#include "eval/numpy_random.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/error.h"

namespace lode::eval {

double NumpyRandom::uniform() {
  const uint32_t high = next32() >> 5, low = next32() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint64_t NumpyRandom::interval(uint64_t max) {
  if (max == 0) return 0;
  const uint64_t mask = ~uint64_t{0} >> std::countl_zero(max);
  uint64_t value;
  if (max <= 0xffffffffU) {
    while ((value = next32() & mask) > max) {
    }
  } else {
    do {
      const uint64_t high = next32();
      value = (high << 32 | next32()) & mask;
    } while (value > max);
  }
  return value;
}

int64_t NumpyRandom::randint(int64_t n) {
  LODE_CHECK(n > 0);
  return static_cast<int64_t>(interval(static_cast<uint64_t>(n - 1)));
}

std::vector<int64_t> NumpyRandom::permutation(int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  std::iota(out.begin(), out.end(), int64_t{0});
  shuffle(std::span(out));
  return out;
}

std::vector<int64_t> NumpyRandom::choice_without(int64_t n, int64_t k) {
  LODE_CHECK(k >= 0 && k <= n);
  std::vector<int64_t> out = permutation(n);
  out.resize(static_cast<size_t>(k));
  return out;
}

size_t NumpyRandom::choice(std::span<const double> cumulative) {
  return static_cast<size_t>(std::ranges::upper_bound(cumulative, uniform()) - cumulative.begin());
}

std::vector<double> NumpyRandom::cumulative(std::span<const double> p) {
  std::vector<double> out(p.size());
  std::partial_sum(p.begin(), p.end(), out.begin());
  LODE_CHECK(!out.empty() && out.back() > 0);
  const double total = out.back();
  for (double& sum : out) sum /= total;
  return out;
}

}  // namespace lode::eval
