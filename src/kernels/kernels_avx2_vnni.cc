// The avx2 path with products and attention in 8 bits by AVX-VNNI. What they compute is in vnni_inl.h.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/cpu.h"
#include "kernels/products.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,avxvnni")
#endif

namespace lode::kernels {
namespace {

const Kernels* base_kernels() {
  return avx2_kernels();
}

// Eight columns of one step, their sums, or a row's step eight times.
using VnniSum = __m256i;
constexpr int kVnniTileRows = 6;
constexpr int kVnniPanels = 1;
constexpr int kVnniVecs = 2;
constexpr int kVnniColumns = 8;
inline VnniSum start_at(int32_t x) {
  return _mm256_set1_epi32(x);
}
inline VnniSum unsigned_weights(const int8_t* p) {
  return _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_set1_epi8(-128));
}
inline VnniSum signed_weights(const int8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline VnniSum four_elements(const std::byte* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}
// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_dots(VnniSum& sum, VnniSum unsigned_bytes, VnniSum signed_bytes) {
  asm("%{vex%} vpdpbusd %[y], %[x], %[sum]" : [sum] "+x"(sum) : [x] "x"(unsigned_bytes), [y] "x"(signed_bytes));
}
inline int32_t first_sum(VnniSum sum) {
  return _mm_cvtsi128_si32(_mm256_castsi256_si128(sum));
}
using VnniFloats = __m256;
inline VnniFloats load_floats(const float* p) {
  return _mm256_loadu_ps(p);
}
inline void store_floats(float* p, VnniFloats x) {
  _mm256_storeu_ps(p, x);
}
inline VnniFloats to_floats(VnniSum sum) {
  return _mm256_cvtepi32_ps(sum);
}

float round_input_narrow(const float* x, int64_t k, int64_t depth, std::byte* out) {
  alignas(64) int16_t wide[kInt8MostGroup];
  const float scale = base_kernels()->int8.round_row(x, k, wide);
  auto* const narrow = reinterpret_cast<int8_t*>(out + kVnniHeadBytes);
  int32_t sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    narrow[i] = static_cast<int8_t>(wide[i]);
    sum += wide[i];
  }
  for (int64_t i = k; i < depth; ++i) narrow[i] = 0;
  const int32_t start = -128 * sum;
  __builtin_memcpy(out, &start, sizeof start);
  return scale;
}

float weights_narrow(const float* x, const float* factors, int64_t seen, int64_t n, float largest, std::byte* out,
                     float* left_out) {
  alignas(64) int16_t wide[kInt8WeightStep];
  float sum = 0;
  *left_out = 0;
  for (int64_t i = 0; i < n; i += kInt8WeightStep) {
    float left = 0;
    sum += base_kernels()->int8.weights(x + i, factors + i, seen - i, kInt8WeightStep, largest,
                                        reinterpret_cast<std::byte*>(wide), &left);
    *left_out += left;
    auto* const narrow = reinterpret_cast<uint8_t*>(out + kVnniHeadBytes + i);
    for (int64_t j = 0; j < kInt8WeightStep; ++j) narrow[j] = static_cast<uint8_t>(wide[j]);
  }
  return sum;
}

#include "kernels/tile_table_inl.h"
// After what it is written over.
#include "kernels/vnni_inl.h"

}  // namespace

const VnniProducts* avx2_vnni_products() {
  return &kProducts;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
