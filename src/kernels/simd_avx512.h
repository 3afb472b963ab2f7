// Sixteen floats: AVX-512 F, BW, DQ and VL. Included once, by kernels_avx512.cc, inside its namespace and target
// region.

#include "kernels/lanes_avx512.h"

struct Vec {
  static constexpr int kLanes = 16;
  __m512 v;
};

inline __mmask16 lane_mask(int n) {
  return static_cast<__mmask16>((1U << n) - 1U);
}
inline Vec set1(float x) {
  return {_mm512_set1_ps(x)};
}
inline Vec load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
inline void store(float* p, Vec x) {
  _mm512_storeu_ps(p, x.v);
}
inline Vec load_first(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(lane_mask(n), p)};
}
inline void store_first(float* p, Vec x, int n) {
  _mm512_mask_storeu_ps(p, lane_mask(n), x.v);
}
inline Vec operator+(Vec a, Vec b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline Vec operator-(Vec a, Vec b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline Vec operator*(Vec a, Vec b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline Vec operator/(Vec a, Vec b) {
  return {_mm512_div_ps(a.v, b.v)};
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
// 1 / x within 2^-22 of itself.
inline Vec inverse(Vec x) {
  const __m512 near = _mm512_rcp14_ps(x.v);
  return {_mm512_mul_ps(near, _mm512_fnmadd_ps(x.v, near, _mm512_set1_ps(2.0F)))};
}
inline Vec max(Vec a, Vec b) {
  return {_mm512_max_ps(a.v, b.v)};
}
inline Vec min(Vec a, Vec b) {
  return {_mm512_min_ps(a.v, b.v)};
}
inline Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), no.v, yes.v)};
}
inline Vec keep_first(Vec x, int n, float fill) {
  return {_mm512_mask_blend_ps(lane_mask(n), _mm512_set1_ps(fill), x.v)};
}
inline float reduce_add(Vec x) {
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(s);
}
inline float reduce_max(Vec x) {
  const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  s = _mm_max_ss(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(s);
}
inline Vec round_nearest(Vec x) {
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Vec exp2_int(Vec n) {
  const __m512i bits = _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)), 23);
  return {_mm512_castsi512_ps(bits)};
}
inline Vec load_half(const std::byte* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline Vec load_bfloat(const std::byte* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}

inline Vec nearest_bfloat(Vec x) {
  const __m512i bits = _mm512_castps_si512(x.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __m512i rounded = _mm512_and_si512(up, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return {_mm512_castsi512_ps(_mm512_mask_mov_epi32(rounded, nan, _mm512_set1_epi32(0x7FC00000)))};
}
inline Vec bfloat_pairs(Vec even, Vec odd) {
  const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(nearest_bfloat(even).v), 16);
  return {_mm512_castsi512_ps(_mm512_or_si512(low, _mm512_castps_si512(nearest_bfloat(odd).v)))};
}
inline Vec even_of_pairs(Vec pairs) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs.v), 16))};
}
inline Vec odd_of_pairs(Vec pairs) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000U));
  return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs.v), upper))};
}

inline void transpose(Vec* r) {
  __m512i rows[16];
  for (int i = 0; i < 16; ++i) rows[i] = _mm512_castps_si512(r[i].v);
  transpose_lanes(rows);
  for (int i = 0; i < 16; ++i) r[i].v = _mm512_castsi512_ps(rows[i]);
}

template <int kDistance>
inline Vec butterfly(Vec x) {
  static_assert(kDistance == 1 || kDistance == 2 || kDistance == 4 || kDistance == 8);
  constexpr __mmask16 kUpper = kDistance == 1 ? 0xAAAA : (kDistance == 2 ? 0xCCCC : (kDistance == 4 ? 0xF0F0 : 0xFF00));
  __m512 other = x.v;
  if constexpr (kDistance == 1) other = _mm512_permute_ps(x.v, 0xB1);
  if constexpr (kDistance == 2) other = _mm512_permute_ps(x.v, 0x4E);
  if constexpr (kDistance == 4) other = _mm512_shuffle_f32x4(x.v, x.v, 0xB1);
  if constexpr (kDistance == 8) other = _mm512_shuffle_f32x4(x.v, x.v, 0x4E);
  // The other plus or minus this one: a factor of one costs no rounding.
  const __m512 sign = _mm512_mask_blend_ps(kUpper, _mm512_set1_ps(1.0F), _mm512_set1_ps(-1.0F));
  return {_mm512_fmadd_ps(x.v, sign, other)};
}

inline Vec load_ints(const int32_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_loadu_si512(p))};
}

constexpr int kInt8TileRows = 12;
constexpr int kIntVecs = 2;
constexpr int kIntColumns = 8;
// Eight columns of one step, widened to 16 bits; two partial sums a column; a row's step, once a column.
using IntWeights = __m512i;
using IntSum = __m512i;
using Activation = __m512i;
inline IntSum no_sum() {
  return _mm512_setzero_si512();
}
inline IntWeights load_weights(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Activation broadcast(const int16_t* p) {
  int64_t step;
  __builtin_memcpy(&step, p, sizeof step);
  return _mm512_set1_epi64(step);
}
// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_products(IntSum& sum, Activation a, IntWeights w) {
  __m512i products;
  asm("vpmaddwd %[w], %[a], %[products]\n\tvpaddd %[products], %[sum], %[sum]"
      : [sum] "+v"(sum), [products] "=&v"(products)
      : [a] "v"(a), [w] "v"(w));
}
inline void store_sum(int32_t* p, IntSum sum) {
  const __m256i out = _mm512_cvtepi64_epi32(_mm512_add_epi32(sum, _mm512_srli_epi64(sum, 32)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), out);
}
inline void keep(IntWeights& weights) {
  asm volatile("" : "+v"(weights));
}
inline void store_int16(int16_t* p, Vec x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x.v)));
}

#include "kernels/unpack_int4_avx2.h"
