// Sums over the elements of f32 vectors in double precision, the same bits for the same vectors. Pure; any thread.
#pragma once

#include <cstdint>

namespace lode::eval {

// Eight sums side by side, for the vector units.
template <class Term>
double sum_of(int64_t n, Term term) {
  constexpr int64_t kSums = 8;
  double sums[kSums] = {};
  int64_t d = 0;
  for (; d + kSums <= n; d += kSums) {
    for (int64_t i = 0; i < kSums; ++i) sums[i] += term(d + i);
  }
  for (; d < n; ++d) sums[0] += term(d);
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

// a, b: [n].
inline double dot_product(const float* a, const float* b, int64_t n) {
  return sum_of(n, [&](int64_t d) { return static_cast<double>(a[d]) * static_cast<double>(b[d]); });
}
inline double squared_distance(const float* a, const float* b, int64_t n) {
  return sum_of(n, [&](int64_t d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    return difference * difference;
  });
}

}  // namespace lode::eval
