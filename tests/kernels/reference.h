// Double-precision references for the kernels, the slow and obvious way, and inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/dtype.h"
#include "kernels/gemm.h"

namespace lode::kernels::testing {

inline constexpr double kEps = 0x1p-24;  // half an ulp of 1

inline std::vector<float> random_floats(std::mt19937& rng, size_t n, float low = -1, float high = 1) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> out(n);
  for (float& x : out) x = uniform(rng);
  return out;
}

// w [n, k] with a scale for every `group` elements of a row, whatever its length would have.
inline Weight rounded_by_groups(Context& context, Packing packing, const std::vector<float>& w, int64_t n, int64_t k,
                                int64_t group) {
  const auto read_row = [&](int64_t row, float* out) { std::copy_n(w.data() + row * k, k, out); };
  return Weight::rounded(RoundedWeight::round(context, {packing, n, k, nullptr, group}, read_row));
}

inline std::vector<float> normal_floats(std::mt19937& rng, size_t n) {
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(rng);
  return out;
}

// The value that an IEEE half stands for.
inline double half_value(uint16_t h) {
  const double sign = (h & 0x8000) != 0 ? -1 : 1;
  const int exponent = (h >> 10) & 31;
  const int fraction = h & 1023;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

inline double bfloat_value(uint16_t b) {
  const uint32_t bits = static_cast<uint32_t>(b) << 16;
  float x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// n stored elements of a type, finite and of ordinary size, with the values they stand for.
struct Stored {
  std::vector<std::byte> bytes;
  std::vector<double> values;
};

inline Stored random_stored(std::mt19937& rng, DType dtype, size_t n) {
  Stored out;
  out.bytes.resize(n * width(dtype));
  for (size_t i = 0; i < n; ++i) {
    if (dtype == DType::f32) {
      const float x = random_floats(rng, 1)[0];
      std::memcpy(&out.bytes[4 * i], &x, 4);
      out.values.push_back(x);
      continue;
    }
    // Exponents near one: half 2^-8 .. 2^0, bfloat likewise.
    const auto r = static_cast<uint32_t>(rng());
    const uint32_t exponent = r % 8;
    const uint16_t bits =
        dtype == DType::f16 ? static_cast<uint16_t>((r & 0x80000000U) >> 16 | (7 + exponent) << 10 | (r >> 8 & 1023U))
                            : static_cast<uint16_t>((r & 0x80000000U) >> 16 | (119 + exponent) << 7 | (r >> 8 & 127U));
    std::memcpy(&out.bytes[2 * i], &bits, 2);
    out.values.push_back(dtype == DType::f16 ? half_value(bits) : bfloat_value(bits));
  }
  return out;
}

inline double gelu(double x) {
  return x / 2 * std::erfc(-x / std::sqrt(2.0));
}
inline double silu(double x) {
  return x / (1 + std::exp(-x));
}

// The softmax of one query's scores with keys [n_keys, dim] with a stride.
inline std::vector<double> attention_weights(const float* q, const float* k, int64_t stride, int64_t n_keys,
                                             int64_t dim) {
  std::vector<double> scores(static_cast<size_t>(n_keys));
  double top = -INFINITY;
  for (int64_t j = 0; j < n_keys; ++j) {
    double dot = 0;
    for (int64_t c = 0; c < dim; ++c) dot += static_cast<double>(q[c]) * static_cast<double>(k[j * stride + c]);
    scores[static_cast<size_t>(j)] = dot / std::sqrt(static_cast<double>(dim));
    top = std::max(top, scores[static_cast<size_t>(j)]);
  }
  double total = 0;
  for (double& x : scores) total += x = std::exp(x - top);
  for (double& x : scores) x /= total;
  return scores;
}

// Attention's result [dim]: values [.., dim] with a stride, weighed.
inline std::vector<double> weighed(const std::vector<double>& weights, const float* v, int64_t stride, int64_t dim) {
  std::vector<double> out(static_cast<size_t>(dim), 0.0);
  for (size_t j = 0; j < weights.size(); ++j) {
    for (int64_t c = 0; c < dim; ++c) {
      out[static_cast<size_t>(c)] += weights[j] * static_cast<double>(v[static_cast<int64_t>(j) * stride + c]);
    }
  }
  return out;
}

// For test names.
inline std::string path_name(const ::testing::TestParamInfo<const Kernels*>& info) {
  return std::string(name(info.param->isa));
}

}  // namespace lode::kernels::testing
