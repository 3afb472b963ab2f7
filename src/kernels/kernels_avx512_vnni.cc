// The avx512 path with products and attention in 8 bits by AVX-512 VNNI. What they compute is in vnni_inl.h.
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
constexpr int kVnniTileRows = 14;
constexpr int kVnniPanels = 2;
constexpr int kVnniVecs = 1;
constexpr int kVnniColumns = 16;
inline VnniSum start_at(int32_t x) {
  return _mm512_set1_epi32(x);
}
inline VnniSum unsigned_weights(const int8_t* p) {
  return _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_set1_epi8(-128));
}
inline VnniSum signed_weights(const int8_t* p) {
  return _mm512_loadu_si512(p);
}
inline VnniSum four_elements(const std::byte* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return _mm512_set1_epi32(four);
}
// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_dots(VnniSum& sum, VnniSum unsigned_bytes, VnniSum signed_bytes) {
  asm("vpdpbusd %[y], %[x], %[sum]" : [sum] "+v"(sum) : [x] "v"(unsigned_bytes), [y] "v"(signed_bytes));
}
inline int32_t first_sum(VnniSum sum) {
  return _mm_cvtsi128_si32(_mm512_castsi512_si128(sum));
}
using VnniFloats = __m512;
inline VnniFloats load_floats(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store_floats(float* p, VnniFloats x) {
  _mm512_storeu_ps(p, x);
}
inline VnniFloats to_floats(VnniSum sum) {
  return _mm512_cvtepi32_ps(sum);
}

#include "kernels/lanes_avx512.h"

// What packs() leaves in turns of four elements, back in order.
inline __m512i packed_order() {
  return _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

// Int8Kernels::round_row and the sum of what it gives, by the same steps.
float round_input_narrow(const float* x, int64_t k, int64_t depth, std::byte* out) {
  constexpr int64_t kLanes = 16;
  // Without their signs, floats compare as integers do, and whatever is not finite is above all others.
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
  __m512i top = _mm512_setzero_si512();
  int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    top = _mm512_max_epu32(top, _mm512_and_si512(_mm512_loadu_si512(x + i), magnitude));
  }
  if (i < k) {
    top = _mm512_max_epu32(top, _mm512_and_si512(_mm512_maskz_loadu_epi32(first_lanes(k - i), x + i), magnitude));
  }
  const auto largest = __builtin_bit_cast(float, _mm512_reduce_max_epu32(top));
  auto* const narrow = reinterpret_cast<int8_t*>(out + kVnniHeadBytes);
  if (!(largest <= 3.4028234e38F)) {
    __builtin_memset(out, 0, static_cast<size_t>(kVnniHeadBytes + depth));
    return __builtin_nanf("");
  }
  const float scale = largest / 127.0F;
  const bool vanishes = scale < 1e-37F;
  const __m512 inverse = _mm512_set1_ps(vanishes ? 0.0F : 1.0F / scale);
  const __m512i order = packed_order();
  const __m512i ones = _mm512_set1_epi8(1);
  const auto to_steps = [&](__m512 v) { return _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse)); };
  __m512i sum = _mm512_setzero_si512();
  for (i = 0; i + 4 * kLanes <= k; i += 4 * kLanes) {
    const auto steps = [&](int64_t j) { return to_steps(_mm512_loadu_ps(x + i + j * kLanes)); };
    const __m512i low = _mm512_packs_epi32(steps(0), steps(1)), high = _mm512_packs_epi32(steps(2), steps(3));
    const __m512i bytes = _mm512_packs_epi16(low, high);
    sum = _mm512_dpbusd_epi32(sum, ones, bytes);
    _mm512_storeu_si512(narrow + i, _mm512_permutexvar_epi32(order, bytes));
  }
  for (; i + kLanes <= k; i += kLanes) {
    const __m512i steps = to_steps(_mm512_loadu_ps(x + i));
    sum = _mm512_add_epi32(sum, steps);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(narrow + i), _mm512_cvtsepi32_epi8(steps));
  }
  for (; i < depth; i += kLanes) {
    const __m512i steps = to_steps(_mm512_maskz_loadu_ps(first_lanes(k > i ? k - i : 0), x + i));
    sum = _mm512_add_epi32(sum, steps);
    _mm512_mask_cvtsepi32_storeu_epi8(narrow + i, first_lanes(depth - i), steps);
  }
  const int32_t start = -128 * _mm512_reduce_add_epi32(sum);
  __builtin_memcpy(out, &start, sizeof start);
  return vanishes ? 0.0F : scale;
}

float weights_narrow(const float* x, const float* factors, int64_t seen, int64_t n, float largest, std::byte* out,
                     float* left_out) {
  constexpr int64_t kLanes = 16;
  constexpr int kVecs = kInt8WeightStep / kLanes;
  const __m512 top = _mm512_set1_ps(largest), log2_of_e = _mm512_set1_ps(1.44269504F);
  const __m512i order = packed_order();
  const __m512i ones = _mm512_set1_epi8(1);
  __m512 sums[kVecs] = {}, totals[2] = {};
  __m512i rounded = _mm512_setzero_si512();
  const auto weight = [&](int64_t at) {
    return power_of_two<255>(_mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + at), top), log2_of_e));
  };
  const auto leave = [&](int64_t i, const __m512* weights) {
    __m512i whole[kVecs];
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) {
      sums[j] = _mm512_fmadd_ps(weights[j], _mm512_loadu_ps(factors + i + j * kLanes), sums[j]);
      totals[j % 2] = _mm512_add_ps(totals[j % 2], weights[j]);
      whole[j] = _mm512_cvtps_epi32(weights[j]);
    }
    const __m512i low = _mm512_packs_epi32(whole[0], whole[1]), high = _mm512_packs_epi32(whole[2], whole[3]);
    const __m512i bytes = _mm512_packus_epi16(low, high);
    rounded = _mm512_dpbusd_epi32(rounded, bytes, ones);
    _mm512_storeu_si512(out + kVnniHeadBytes + i, _mm512_permutexvar_epi32(order, bytes));
  };
  __m512 weights[kVecs];
  int64_t i = 0;
  for (; i + kInt8WeightStep <= seen; i += kInt8WeightStep) {
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) weights[j] = weight(i + j * kLanes);
    leave(i, weights);
  }
  for (; i < n; i += kInt8WeightStep) {
#pragma GCC unroll 4
    for (int j = 0; j < kVecs; ++j) {
      const int64_t at = i + j * kLanes;
      weights[j] = _mm512_maskz_mov_ps(first_lanes(seen - at), weight(at));
    }
    leave(i, weights);
  }
  *left_out = _mm512_reduce_add_ps(_mm512_sub_ps(_mm512_add_ps(totals[0], totals[1]), _mm512_cvtepi32_ps(rounded)));
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
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
