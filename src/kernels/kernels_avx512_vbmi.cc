// Int4Kernels::unpack by AVX-512 VBMI, for the paths with VNNI on a CPU that has it: what a code's sixteen numbers
// stand for is a line of a table, and one permutation looks up the numbers of eight rows.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/int4_codes.h"
#include "kernels/packed_matrix.h"
#include "kernels/products.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx2"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx2")
#endif

namespace lode::kernels {
namespace {

inline __m128i values_of(const Int4Values* table, std::byte code) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(table[static_cast<int>(code)].of_number));
}

inline __m512i values_of_four(const Int4Values* table, const std::byte* codes) {
  __m512i out = _mm512_castsi128_si512(values_of(table, codes[0]));
  out = _mm512_inserti32x4(out, values_of(table, codes[1]), 1);
  out = _mm512_inserti32x4(out, values_of(table, codes[2]), 2);
  return _mm512_inserti32x4(out, values_of(table, codes[3]), 3);
}

// (numbers & 15) | first.
inline __m512i index_of(__m512i numbers, __m512i first) {
  constexpr int kAndOr = 0xEA;
  return _mm512_ternarylogic_epi32(numbers, _mm512_set1_epi8(15), first, kAndOr);
}

void unpack_int4(const std::byte* blocks, int64_t n_blocks, int8_t* out) {
  const Int4Values* const table = int4_values();
  // Where a row's values start among those of eight rows, for each of its four elements; two steps.
  const __m256i row =
      _mm256_setr_epi32(0, 0x10101010, 0x20202020, 0x30303030, 0x40404040, 0x50505050, 0x60606060, 0x70707070);
  const __m512i first = _mm512_broadcast_i64x4(row);
  for (; n_blocks > 0; --n_blocks, blocks += kInt4BlockBytes) {
    const __m512i values[4] = {values_of_four(table, blocks), values_of_four(table, blocks + 4),
                               values_of_four(table, blocks + 8), values_of_four(table, blocks + 12)};
    const std::byte* packed = blocks + kInt8Columns;
#pragma GCC unroll 4
    for (int steps = 0; steps < kInt4Group / kInt8Step; steps += 2, packed += 64, out += 128) {
      const __m512i both = _mm512_loadu_si512(packed);
      const __m512i lower = _mm512_permutex2var_epi8(values[0], index_of(both, first), values[1]);
      const __m512i upper = _mm512_permutex2var_epi8(values[2], index_of(_mm512_srli_epi16(both, 4), first), values[3]);
      _mm512_storeu_si512(out, _mm512_inserti64x4(lower, _mm512_castsi512_si256(upper), 1));
      _mm512_storeu_si512(out + 64, _mm512_shuffle_i64x2(lower, upper, 0xEE));
    }
  }
}

}  // namespace

Int4Unpack avx512_vbmi_unpack() {
  return unpack_int4;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
