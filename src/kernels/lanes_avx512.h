// What the AVX-512 paths share. Included inside their namespace and target region.

// The mask of the first n of sixteen lanes, whatever n is.
inline __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>(n <= 0 ? 0U : n >= 16 ? 0xFFFFU : (1U << n) - 1U);
}

// kFactor * 2^x for x <= 0 within 1.2e-4 of itself, exactly kFactor at 0: kFactor times exp2_close() of math_inl.h,
// whose coefficients these are, by two instructions that AVX-512 has for it.
template <int kFactor>
inline __m512 power_of_two(__m512 x) {
  constexpr int kLessNearest = 0x08;
  constexpr float kOne = kFactor;
  const __m512 r = _mm512_reduce_ps(x, kLessNearest);
  __m512 p = _mm512_set1_ps(kOne * 5.459282547e-02F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kOne * 2.422178388e-01F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kOne * 6.933686137e-01F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(kOne));
  return _mm512_scalef_ps(p, _mm512_sub_ps(x, r));
}

// Sixteen rows of sixteen lanes, columns for rows.
inline void transpose_lanes(__m512i* r) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  __m512i u[16];
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // u[4g + c] holds, in 128-bit lane q, column 4q + c of rows 4g .. 4g + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i a = _mm512_shuffle_i32x4(u[c], u[4 + c], 0x44);
    const __m512i b = _mm512_shuffle_i32x4(u[c], u[4 + c], 0xEE);
    const __m512i d = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0x44);
    const __m512i e = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0xEE);
    r[c] = _mm512_shuffle_i32x4(a, d, 0x88);
    r[4 + c] = _mm512_shuffle_i32x4(a, d, 0xDD);
    r[8 + c] = _mm512_shuffle_i32x4(b, e, 0x88);
    r[12 + c] = _mm512_shuffle_i32x4(b, e, 0xDD);
  }
}
