#include "kernels/quantize.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace lode::kernels {
namespace {

// The halfway point between F16's largest and what would come next: from here on it rounds to infinity.
constexpr float kHalfOverflow = 65520.0F;

uint16_t half_bits(float x) {
  return std::bit_cast<uint16_t>(static_cast<_Float16>(x));
}

uint16_t bfloat_bits(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

void put(std::byte* out, uint16_t bits) {
  std::memcpy(out, &bits, sizeof bits);
}

bool quantize_q8_0(const float* x, std::byte* out) {
  float largest = 0;
  for (int i = 0; i < kGroup; ++i) largest = std::fmax(largest, std::fabs(x[i]));
  const float d = largest / 127.0F;
  if (d >= kHalfOverflow) return false;
  const float inverse = d == 0 ? 0.0F : 1.0F / d;
  put(out, half_bits(d));
  for (int i = 0; i < kGroup; ++i) {
    out[2 + i] = static_cast<std::byte>(static_cast<int8_t>(std::round(x[i] * inverse)));
  }
  return true;
}

bool quantize_q4_0(const float* x, std::byte* out) {
  float largest = 0;  // with its sign: it becomes -8
  for (int i = 0; i < kGroup; ++i) {
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  }
  const float d = largest / -8.0F;
  if (std::fabs(d) >= kHalfOverflow) return false;
  const float inverse = d == 0 ? 0.0F : 1.0F / d;
  put(out, half_bits(d));
  const auto level = [&](float v) {
    const double rounded = static_cast<double>(v) * static_cast<double>(inverse) + 8.5;
    return rounded >= 15 ? 15U : static_cast<unsigned>(rounded);
  };
  for (int i = 0; i < kGroup / 2; ++i) {
    out[2 + i] = static_cast<std::byte>(level(x[i]) | (level(x[i + kGroup / 2]) << 4));
  }
  return true;
}

}  // namespace

bool quantize(const float* x, int64_t n, DType dtype, std::byte* out) {
  LODE_CHECK(can_quantize(dtype) && n % layout(dtype).block == 0);
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return false;
  }
  const auto bytes = layout(dtype).bytes;
  switch (dtype) {
    case DType::f32: std::memcpy(out, x, static_cast<size_t>(n) * sizeof(float)); return true;
    case DType::f16:
      for (int64_t i = 0; i < n; ++i) {
        if (std::fabs(x[i]) >= kHalfOverflow) return false;
        put(out + i * bytes, half_bits(x[i]));
      }
      return true;
    case DType::bf16:
      for (int64_t i = 0; i < n; ++i) {
        const uint16_t bits = bfloat_bits(x[i]);
        if ((bits & 0x7FFFU) == 0x7F80U) return false;
        put(out + i * bytes, bits);
      }
      return true;
    case DType::q8_0:
      for (int64_t i = 0; i < n; i += kGroup) {
        if (!quantize_q8_0(x + i, out + i / kGroup * bytes)) return false;
      }
      return true;
    case DType::q4_0:
      for (int64_t i = 0; i < n; i += kGroup) {
        if (!quantize_q4_0(x + i, out + i / kGroup * bytes)) return false;
      }
      return true;
    case DType::q4_1:
    case DType::q4_k:
    case DType::q5_k:
    case DType::q6_k: break;
  }
  return false;
}

}  // namespace lode::kernels
