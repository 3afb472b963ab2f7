// Eight floats: AVX2 with FMA and F16C. Included once, by kernels_avx2.cc, inside its namespace and target region.

struct Vec {
  static constexpr int kLanes = 8;
  __m256 v;
};

inline __m256i lane_mask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vec set1(float x) {
  return {_mm256_set1_ps(x)};
}
inline Vec load(const float* p) {
  return {_mm256_loadu_ps(p)};
}
inline void store(float* p, Vec x) {
  _mm256_storeu_ps(p, x.v);
}
inline Vec load_first(const float* p, int n) {
  return {_mm256_maskload_ps(p, lane_mask(n))};
}
inline void store_first(float* p, Vec x, int n) {
  _mm256_maskstore_ps(p, lane_mask(n), x.v);
}
inline Vec operator+(Vec a, Vec b) {
  return {_mm256_add_ps(a.v, b.v)};
}
inline Vec operator-(Vec a, Vec b) {
  return {_mm256_sub_ps(a.v, b.v)};
}
inline Vec operator*(Vec a, Vec b) {
  return {_mm256_mul_ps(a.v, b.v)};
}
inline Vec operator/(Vec a, Vec b) {
  return {_mm256_div_ps(a.v, b.v)};
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.v, b.v, c.v)};
}
// 1 / x within 2^-22 of itself.
inline Vec inverse(Vec x) {
  return {_mm256_div_ps(_mm256_set1_ps(1.0F), x.v)};
}
inline Vec max(Vec a, Vec b) {
  return {_mm256_max_ps(a.v, b.v)};
}
inline Vec min(Vec a, Vec b) {
  return {_mm256_min_ps(a.v, b.v)};
}
inline Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ))};
}
inline Vec keep_first(Vec x, int n, float fill) {
  return {_mm256_blendv_ps(_mm256_set1_ps(fill), x.v, _mm256_castsi256_ps(lane_mask(n)))};
}
inline float reduce_add(Vec x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(s);
}
inline float reduce_max(Vec x) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  s = _mm_max_ss(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(s);
}
inline Vec round_nearest(Vec x) {
  return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Vec exp2_int(Vec n) {
  const __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127)), 23);
  return {_mm256_castsi256_ps(bits)};
}
inline Vec load_half(const std::byte* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline Vec load_bfloat(const std::byte* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}

inline Vec nearest_bfloat(Vec x) {
  const __m256i bits = _mm256_castps_si256(x.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
  const __m256 rounded = _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U))));
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000));
  return {_mm256_blendv_ps(rounded, nan, _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q))};
}
inline Vec bfloat_pairs(Vec even, Vec odd) {
  const __m256i low = _mm256_srli_epi32(_mm256_castps_si256(nearest_bfloat(even).v), 16);
  return {_mm256_castsi256_ps(_mm256_or_si256(low, _mm256_castps_si256(nearest_bfloat(odd).v)))};
}
inline Vec even_of_pairs(Vec pairs) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs.v), 16))};
}
inline Vec odd_of_pairs(Vec pairs) {
  return {_mm256_and_ps(pairs.v, _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xFFFF0000U))))};
}

inline void transpose(Vec* r) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
    t[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
  }
  __m256 u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    r[i].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

template <int kDistance>
inline Vec butterfly(Vec x) {
  static_assert(kDistance == 1 || kDistance == 2 || kDistance == 4);
  if constexpr (kDistance == 1) {
    const __m256 sign = _mm256_setr_ps(0.0F, -0.0F, 0.0F, -0.0F, 0.0F, -0.0F, 0.0F, -0.0F);
    return {_mm256_add_ps(_mm256_permute_ps(x.v, 0xB1), _mm256_xor_ps(x.v, sign))};
  } else if constexpr (kDistance == 2) {
    const __m256 sign = _mm256_setr_ps(0.0F, 0.0F, -0.0F, -0.0F, 0.0F, 0.0F, -0.0F, -0.0F);
    return {_mm256_add_ps(_mm256_permute_ps(x.v, 0x4E), _mm256_xor_ps(x.v, sign))};
  } else {
    const __m256 sign = _mm256_setr_ps(0.0F, 0.0F, 0.0F, 0.0F, -0.0F, -0.0F, -0.0F, -0.0F);
    return {_mm256_add_ps(_mm256_permute2f128_ps(x.v, x.v, 1), _mm256_xor_ps(x.v, sign))};
  }
}

inline Vec load_ints(const int32_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

constexpr int kInt8TileRows = 6;
constexpr int kIntVecs = 2;
constexpr int kIntColumns = 4;
// Four columns of one step, widened to 16 bits; two partial sums a column; a row's step, once a column.
using IntWeights = __m256i;
using IntSum = __m256i;
using Activation = __m256i;
inline IntSum no_sum() {
  return _mm256_setzero_si256();
}
inline IntWeights load_weights(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Activation broadcast(const int16_t* p) {
  int64_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm256_set1_epi64x(step);
}
// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_products(IntSum& sum, Activation a, IntWeights w) {
  __m256i products;
  asm("vpmaddwd %[w], %[a], %[products]\n\tvpaddd %[products], %[sum], %[sum]"
      : [sum] "+x"(sum), [products] "=&x"(products)
      : [a] "x"(a), [w] "x"(w));
}
inline void store_sum(int32_t* p, IntSum sum) {
  const __m256i both = _mm256_add_epi32(sum, _mm256_srli_epi64(sum, 32));
  const __m256i packed = _mm256_permutevar8x32_epi32(both, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}
inline void keep(IntWeights& weights) {
  asm volatile("" : "+x"(weights));
}
inline void store_int16(int16_t* p, Vec x) {
  const __m256i wide = _mm256_cvtps_epi32(x.v);
  const __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
}

#include "kernels/unpack_int4_avx2.h"
