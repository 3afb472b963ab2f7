// The avx512_vnni path with products and attention in BF16 by AVX-512 BF16: vdpbf16ps adds two products to each sum.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/cpu.h"
#include "kernels/products.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")
#endif

namespace lode::kernels {
namespace {

#include "kernels/lanes_avx512.h"
#include "kernels/tile_table_inl.h"

constexpr int kPairTileRows = 14;
constexpr int kPairTileVecs = 2;
constexpr int kPairLanes = 16;
constexpr int kPairPanelWidth = kPairTileVecs * kPairLanes;

void round_row_by_pairs(const float* x, int64_t n, std::byte* out) {
  constexpr int64_t kStep = 2 * kPairLanes;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    const auto rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + kPairLanes), _mm512_loadu_ps(x + i));
    __builtin_memcpy(out + i * 2, &rounded, sizeof rounded);
  }
  if (i == n) return;
  const int64_t left = n - i;
  const auto mask = static_cast<__mmask32>((uint64_t{1} << left) - 1);
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x + i);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> kPairLanes), x + i + kPairLanes);
  const auto rounded = _mm512_cvtne2ps_pbh(high, low);
  __builtin_memcpy(out + i * 2, &rounded, static_cast<size_t>(left + left % 2) * 2);
}

// Of rows in f32; stored types are seldom packed, and by the path that is widened.
void pack_panel_by_pairs(const PanelSource& source, int64_t k0, int64_t depth, uint16_t* panel) {
  if (source.dtype != DType::f32 || source.dtypes != nullptr) {
    return avx512_kernels()->bf16.pack_panel(source, k0, depth, panel);
  }
  constexpr int64_t kStep = 2 * kPairLanes;
  for (int column = 0; column < kPairPanelWidth; column += kPairLanes) {
    const int n = source.n_columns - column;
    for (int64_t k = 0; k < depth; k += kStep) {
      const __mmask16 low = first_lanes(depth - k), high = first_lanes(depth - k - kPairLanes);
      __m512i rows[kPairLanes];
#pragma GCC unroll 16
      for (int j = 0; j < kPairLanes; ++j) {
        rows[j] = _mm512_setzero_si512();
        if (j >= n) continue;
        const auto* const x = reinterpret_cast<const float*>(source.rows[column + j]) + k0 + k;
        const auto pairs =
            _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, x + kPairLanes), _mm512_maskz_loadu_ps(low, x));
        rows[j] = reinterpret_cast<__m512i>(pairs);
      }
      transpose_lanes(rows);
      const int64_t n_pairs = (depth - k < kStep ? depth - k + 1 : kStep) / 2;
      for (int64_t i = 0; i < n_pairs; ++i) {
        _mm512_storeu_si512(panel + (k + 2 * i) * kPairPanelWidth + 2 * column, rows[i]);
      }
    }
  }
}

void pack_rows_by_pairs(const float* rows, int64_t stride, int64_t depth, int n_columns, uint16_t* panel) {
  // Of two rows behind each other, their elements in turn.
  alignas(64) static constexpr uint16_t kInTurn[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i in_turn = _mm512_load_si512(kInTurn);
  for (int64_t k = 0; k < depth; k += 2, rows += 2 * stride) {
    for (int column = 0; column < kPairPanelWidth; column += kPairLanes) {
      const __mmask16 lanes = first_lanes(n_columns - column), odd_lanes = k + 1 < depth ? lanes : __mmask16{0};
      const auto both = _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(odd_lanes, rows + stride + column),
                                            _mm512_maskz_loadu_ps(lanes, rows + column));
      _mm512_storeu_si512(panel + k * kPairPanelWidth + 2 * column,
                          _mm512_permutexvar_epi16(in_turn, reinterpret_cast<__m512i>(both)));
    }
  }
}

float exponentials_by_pairs(float* x, int64_t seen, int64_t n, float factor, float shift, std::byte* out) {
  constexpr int64_t kStep = 2 * kPairLanes;
  const __m512 factors = _mm512_set1_ps(factor), shifts = _mm512_set1_ps(shift),
               log2_of_e = _mm512_set1_ps(1.44269504F);
  __m512 sum = _mm512_setzero_ps(), other_sum = sum;
  const auto exponential = [&](const float* p) {
    return power_of_two<1>(_mm512_mul_ps(_mm512_sub_ps(_mm512_mul_ps(_mm512_loadu_ps(p), factors), shifts), log2_of_e));
  };
  const auto leave = [&](int64_t i, __m512 low, __m512 high) {
    sum = _mm512_add_ps(sum, low);
    other_sum = _mm512_add_ps(other_sum, high);
    const auto rounded = _mm512_cvtne2ps_pbh(high, low);
    __builtin_memcpy(out + i * 2, &rounded, sizeof rounded);
  };
  int64_t i = 0;
  for (; i + kStep <= seen; i += kStep) leave(i, exponential(x + i), exponential(x + i + kPairLanes));
  for (; i < n; i += kStep) {
    leave(i, _mm512_maskz_mov_ps(first_lanes(seen - i), exponential(x + i)),
          _mm512_maskz_mov_ps(first_lanes(seen - i - kPairLanes), exponential(x + i + kPairLanes)));
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(sum, other_sum));
}

// As assembly: from intrinsics, g++ 12 spills sums in the middle of the loop.
inline void add_pairs(__m512& sum, __m512i weights, __m512i x) {
  asm("vdpbf16ps %[x], %[w], %[sum]" : [sum] "+v"(sum) : [w] "v"(weights), [x] "v"(x));
}

inline __m512i two_elements(const std::byte* p) {
  int32_t two;
  __builtin_memcpy(&two, p, sizeof two);
  return _mm512_set1_epi32(two);
}

// What a tile gives, row by row.
template <bool kBefore, bool kAccumulate, int kRows>
[[gnu::always_inline]] inline void leave(const Bf16Tile& work, const __m512 (&sum)[kRows][kPairTileVecs]) {
  const float* before = work.before;
  float* out = work.out;
  const int64_t before_stride = work.before_stride, out_stride = work.out_stride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPairTileVecs; ++v) {
      __m512 x = sum[r][v];
      if constexpr (kBefore) x = _mm512_add_ps(_mm512_loadu_ps(before + v * kPairLanes), x);
      if constexpr (kAccumulate) x = _mm512_add_ps(x, _mm512_loadu_ps(out + v * kPairLanes));
      _mm512_storeu_ps(out + v * kPairLanes, x);
    }
    // Or g++ 12 computes all rows' addresses beforehand, and has no registers for them.
    before += before_stride;
    out += out_stride;
    asm("" : "+r"(before), "+r"(out));
  }
}

template <int kRows>
void pair_tile_rows(const Bf16Tile& work) {
  __m512 sum[kRows][kPairTileVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kPairTileVecs; ++v) sum[r][v] = _mm512_setzero_ps();
  }
  // Three rows to a pointer: the others are a stride or two away, which an address can say.
  constexpr int kBases = (kRows + 2) / 3;
  const int64_t row_bytes = work.row_bytes;
  const std::byte* bases[kBases];
#pragma GCC unroll 8
  for (int i = 0; i < kBases; ++i) bases[i] = work.rows + 3 * i * row_bytes;
  const uint16_t* panel = work.panel;
  // The next weights, a line now and then.
  constexpr int64_t kLine = 64;
  constexpr int kSteps = 2;
  const std::byte* next = work.next == nullptr ? work.rows : work.next;
  const int64_t pace = work.next == nullptr ? -1 : work.next_pace;
  const int64_t n_steps = work.depth / 2;
  for (int64_t i = 0; i < n_steps; i += kSteps) {
#pragma GCC unroll 2
    for (int s = 0; s < kSteps; ++s) {
      __builtin_prefetch(next);
      next += ((i + s) & pace) == 0 ? kLine : 0;
      if (s == n_steps - i) break;
      __m512i weights[kPairTileVecs];
#pragma GCC unroll 2
      for (int v = 0; v < kPairTileVecs; ++v) {
        weights[v] = _mm512_loadu_si512(panel + 2 * (s * kPairPanelWidth + v * kPairLanes));
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512i x = two_elements(bases[r / 3] + r % 3 * row_bytes + s * 4);
#pragma GCC unroll 2
        for (int v = 0; v < kPairTileVecs; ++v) add_pairs(sum[r][v], weights[v], x);
      }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kBases; ++j) bases[j] += kSteps * 4;
    panel += kSteps * 2 * kPairPanelWidth;
  }
  if (work.before == nullptr) {
    work.accumulate ? leave<false, true>(work, sum) : leave<false, false>(work, sum);
  } else {
    work.accumulate ? leave<true, true>(work, sum) : leave<true, false>(work, sum);
  }
}

struct PairRows {
  using Function = decltype(&pair_tile_rows<1>);
  template <int kRows>
  static constexpr Function function = pair_tile_rows<kRows>;
};
constexpr TileTable<PairRows, kPairTileRows> kPairTiles;

void pair_tile(const Bf16Tile& work) {
  kPairTiles.of_rows[work.n_rows](work);
}

double pair_peak(int64_t iterations, float* sink) {
  constexpr int kAccumulators = 12;
  __m512 sum[kAccumulators];
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512i w = _mm512_set1_epi16(0x3F80);  // one
  for (int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kAccumulators; ++i) add_pairs(sum[i], w, w);
  }
  *sink = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) *sink += _mm512_cvtss_f32(sum[i]);
  return 2.0 * 2 * kPairLanes * kAccumulators * static_cast<double>(iterations);
}

constexpr Bf16Products kPairProducts = {.tile_rows = kPairTileRows,
                                        .element_bytes = 2,
                                        .round_row = round_row_by_pairs,
                                        .pack_panel = pack_panel_by_pairs,
                                        .pack_rows = pack_rows_by_pairs,
                                        .exponentials = exponentials_by_pairs,
                                        .tile = pair_tile,
                                        .peak = pair_peak};

}  // namespace

const Bf16Products* avx512_bf16_products() {
  return &kPairProducts;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif
