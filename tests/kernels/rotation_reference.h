// The rotation of rounded weights and their inputs, in double precision and from its definition.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "kernels/cpu.h"

namespace lode::kernels::testing {

// The Walsh-Hadamard transform from its definition: H[i][j] = (-1)^popcount(i & j) / sqrt(n).
inline void append_transformed(const float* x, int64_t n, std::vector<double>& out) {
  for (int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      sum += (__builtin_parityll(static_cast<uint64_t>(i & j)) != 0 ? -1 : 1) * static_cast<double>(x[j]);
    }
    out.push_back(sum / std::sqrt(static_cast<double>(n)));
  }
}

// The rotation from its definition.
inline std::vector<double> rotated_row(const float* row, int64_t k) {
  std::vector<float> with_signs(row, row + k);
  for (int64_t i = 0; i < k; ++i)
    with_signs[static_cast<size_t>(i)] *= rotation_signs()[static_cast<size_t>(i % kSigns)];
  const float* const x = with_signs.data();
  int64_t power = 1, m = k;
  for (; m % 2 == 0; m /= 2) power *= 2;
  std::vector<double> out;
  if (power < kLeastRotation || m > kMostHartley) {
    for (int64_t n = kOtherRotation; n >= 1; n /= 2) {
      while (k - std::ssize(out) >= n) append_transformed(x + out.size(), n, out);
    }
    return out;
  }
  std::vector<double> blocks;
  for (int64_t b = 0; b < m; ++b) append_transformed(x + b * power, power, blocks);
  for (int64_t b = 0; b < m; ++b) {
    for (int64_t i = 0; i < power; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < m; ++j) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(b * j) / static_cast<double>(m);
        sum += (std::cos(angle) + std::sin(angle)) * blocks[static_cast<size_t>(j * power + i)];
      }
      out.push_back(sum / std::sqrt(static_cast<double>(m)));
    }
  }
  return out;
}

}  // namespace lode::kernels::testing
