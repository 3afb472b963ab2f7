#include "kernels/int8_rows.h"

#include <immintrin.h>

namespace lode::kernels {

int32_t int8_product(const int8_t* a, const int8_t* b, size_t n) {
  constexpr size_t kStep = 16;
  __m128i sums = _mm_setzero_si128();
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i));
    const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i));
    const __m128i low = _mm_madd_epi16(_mm_cvtepi8_epi16(x), _mm_cvtepi8_epi16(y));
    const __m128i high =
        _mm_madd_epi16(_mm_cvtepi8_epi16(_mm_srli_si128(x, 8)), _mm_cvtepi8_epi16(_mm_srli_si128(y, 8)));
    sums = _mm_add_epi32(sums, _mm_add_epi32(low, high));
  }
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
  int32_t out = _mm_cvtsi128_si32(sums);
  for (; i < n; ++i) out += int32_t{a[i]} * int32_t{b[i]};
  return out;
}

}  // namespace lode::kernels
