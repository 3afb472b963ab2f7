// The avx512 path with the products of 8 bits by AVX-512 VNNI. What they compute is in vnni_inl.h.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/cpu.h"
#include "kernels/products.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")
#endif

namespace lode::kernels {
namespace {

// Sixteen columns of one step, their sums, or a row's step sixteen times.
using VnniSum = __m512i;
constexpr int kVnniTileRows = 12;
constexpr int kVnniPanels = 2;
constexpr int kVnniVecs = 1;
constexpr int kVnniColumns = 16;
inline VnniSum start_at(int32_t x) {
  return _mm512_set1_epi32(x);
}
inline VnniSum unsigned_weights(const int8_t* p) {
  return _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(-128));
}
inline VnniSum four_elements(const std::byte* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm512_set1_epi32(four);
}
// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_dots(VnniSum& sum, VnniSum weights, VnniSum x) {
  asm("vpdpbusd %[x], %[w], %[sum]" : [sum] "+v"(sum) : [w] "v"(weights), [x] "v"(x));
}
inline int32_t first_sum(VnniSum sum) {
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(sum));
}
inline void add_scaled(float* total, VnniSum sum, float row_scale, const float* column_scales, bool accumulate) {
  const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(row_scale), _mm512_loadu_ps(column_scales));
  const __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
  _mm512_storeu_ps(total, accumulate ? _mm512_add_ps(_mm512_loadu_ps(total), x) : x);
}

inline __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1U << n) - 1U);
}

// Int8Kernels::round_row and the sum of what it gives, by the same steps.
float round_input_narrow(const float* x, int64_t k, int64_t depth, std::byte* out) {
  constexpr int64_t kLanes = 16;
  __m512 top = _mm512_setzero_ps(), poison = _mm512_setzero_ps();
  for (int64_t i = 0; i < k; i += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(first_lanes(k - i), x + i);
    top = _mm512_max_ps(top, _mm512_abs_ps(v));
    poison = _mm512_add_ps(poison, _mm512_mul_ps(v, _mm512_setzero_ps()));  // a maximum does not see NaN
  }
  const float largest = _mm512_reduce_max_ps(top);
  const bool finite = _mm512_reduce_add_ps(poison) == 0.0F && largest <= 3.4028234e38F;
  const float scale = largest / 127.0F;
  const bool vanishes = scale < 1e-37F || !finite;
  const __m512 inverse = _mm512_set1_ps(vanishes ? 0.0F : 1.0F / scale);
  auto* const narrow = reinterpret_cast<int8_t*>(out + kVnniHeadBytes);
  __m512i sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < depth; i += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(first_lanes(k > i ? k - i : 0), x + i);
    const __m512i rounded = _mm512_maskz_cvtps_epi32(finite ? 0xFFFF : 0, _mm512_mul_ps(v, inverse));
    sum = _mm512_add_epi32(sum, rounded);
    _mm512_mask_cvtsepi32_storeu_epi8(narrow + i, first_lanes(depth - i), rounded);
  }
  const int32_t start = -128 * _mm512_reduce_add_epi32(sum);
  __builtin_memcpy(out, &start, sizeof start);
  if (!finite) return __builtin_nanf("");
  return vanishes ? 0.0F : scale;
}

#include "kernels/tile_table_inl.h"
// After what it is written over.
#include "kernels/vnni_inl.h"

}  // namespace

const VnniProducts* avx512_vnni_products() {
  return &kProducts;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
