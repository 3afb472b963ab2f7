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

const Kernels* base_kernels() {
  return avx512_kernels();
}

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

#include "kernels/vnni_inl.h"

}  // namespace

const VnniProducts* avx512_vnni_products() {
  return &kProducts;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
