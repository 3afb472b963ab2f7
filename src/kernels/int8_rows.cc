#include "kernels/int8_rows.h"

#include <immintrin.h>

namespace lode::kernels {
namespace {

int32_t sum_of(__m128i sums) {
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(1, 0, 3, 2)));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, _MM_SHUFFLE(2, 3, 0, 1)));
  return _mm_cvtsi128_si32(sums);
}

int32_t rest_of(const int8_t* a, const int8_t* b, size_t from, size_t n) {
  int32_t out = 0;
  for (size_t i = from; i < n; ++i) out += int32_t{a[i]} * int32_t{b[i]};
  return out;
}

int32_t product_of_baseline(const int8_t* a, const int8_t* b, size_t n) {
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
  return sum_of(sums) + rest_of(a, b, i, n);
}

[[gnu::target("avx2")]] __m256i products_of_16(const int8_t* a, const int8_t* b) {
  const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)));
  const __m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
  return _mm256_madd_epi16(x, y);
}

[[gnu::target("avx2")]] int32_t product_of_avx2(const int8_t* a, const int8_t* b, size_t n) {
  constexpr size_t kHalf = 16, kStep = 2 * kHalf;
  __m256i first = _mm256_setzero_si256(), second = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    first = _mm256_add_epi32(first, products_of_16(a + i, b + i));
    second = _mm256_add_epi32(second, products_of_16(a + i + kHalf, b + i + kHalf));
  }
  const __m256i sums = _mm256_add_epi32(first, second);
  const int32_t whole = sum_of(_mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
  return whole + rest_of(a, b, i, n);
}

}  // namespace

Int8Product int8_product_of(Isa isa) {
  return isa == Isa::portable ? product_of_baseline : product_of_avx2;
}

int32_t int8_product(const int8_t* a, const int8_t* b, size_t n) {
  static const Int8Product chosen = [] {
    const auto path = select();
    return int8_product_of(path ? (*path)->isa : Isa::portable);
  }();
  return chosen(a, b, n);
}

}  // namespace lode::kernels
