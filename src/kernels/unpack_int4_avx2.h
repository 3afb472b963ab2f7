// Int4Kernels::unpack with AVX2, for the paths that have it. Included by simd_avx2.h and simd_avx512.h, inside their
// namespace and target region.

// The numbers' bytes beside kInt4Unit times code: one multiply-add a number gives number * step + unit * offset.
struct Int4Factors {
  __m256i low;   // rows 0, 1 and 4, 5 of eight, each four times
  __m256i high;  // rows 2, 3 and 6, 7
};
inline Int4Factors int4_factors(const std::byte* codes) {
  const Int4Code* const table = int4_codes();
  Int4Code of_row[8];
  for (int i = 0; i < 8; ++i) of_row[i] = table[static_cast<int>(codes[i])];
  __m128i pairs;
  __builtin_memcpy(&pairs, of_row, sizeof pairs);
  const __m256i spread = _mm256_permute4x64_epi64(_mm256_castsi128_si256(pairs), 0x50);
  const __m256i first =
      _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);
  const __m256i second = _mm256_add_epi8(first, _mm256_set1_epi8(4));
  return {_mm256_shuffle_epi8(spread, first), _mm256_shuffle_epi8(spread, second)};
}

// 32 numbers, a byte each, of eight rows.
inline __m256i int4_steps(__m256i numbers, const Int4Factors& factors) {
  const __m256i unit = _mm256_set1_epi8(kInt4Unit);
  const __m256i low = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(numbers, unit), factors.low);
  const __m256i high = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(numbers, unit), factors.high);
  return _mm256_packs_epi16(_mm256_srai_epi16(low, 2), _mm256_srai_epi16(high, 2));
}

inline void unpack_int4(const std::byte* blocks, int64_t n_blocks, int8_t* out) {
  const __m256i nibble = _mm256_set1_epi8(15);
  for (; n_blocks > 0; --n_blocks, blocks += kInt4BlockBytes) {
    const Int4Factors lower = int4_factors(blocks);
    const Int4Factors upper = int4_factors(blocks + kInt8Columns / 2);
    const std::byte* packed = blocks + kInt8Columns;
#pragma GCC unroll 8
    for (int step = 0; step < kInt4Group / kInt8Step; ++step, packed += 32, out += 64) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(packed));
      const __m256i a = int4_steps(_mm256_and_si256(both, nibble), lower);
      const __m256i b = int4_steps(_mm256_and_si256(_mm256_srli_epi16(both, 4), nibble), upper);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), a);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 32), b);
    }
  }
}
