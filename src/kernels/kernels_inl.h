// The algorithms of every path, written once over Vec. Included by kernels_portable.cc, kernels_avx2.cc and
// kernels_avx512.cc, each time inside that path's namespace and target region, after its simd_*.h. No std:: templates
// in here: an inline function compiled for a wide target could be the copy that the linker keeps for everybody.

#include "kernels/blocks_inl.h"
#include "kernels/math_inl.h"
#include "kernels/tile_table_inl.h"

constexpr int kLanes = Vec::kLanes;

// Sums of a row run in kChains independent vectors, added pairwise at the end: enough to hide the latency of an add,
// and an order that depends on n alone.
constexpr int kChains = 4;

template <class Term>
inline float sum_row(int64_t n, Term term) {
  Vec sum[kChains];
  for (Vec& s : sum) s = set1(0.0F);
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (int c = 0; c < kChains; ++c) sum[c] = term(i + c * kLanes, kLanes, sum[c]);
  }
  for (; i + kLanes <= n; i += kLanes) sum[0] = term(i, kLanes, sum[0]);
  if (i < n) sum[1] = term(i, static_cast<int>(n - i), sum[1]);
  return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

inline Vec load_n(const float* p, int n) {
  return n == kLanes ? load(p) : load_first(p, n);
}
inline void store_n(float* p, Vec x, int n) {
  if (n == kLanes) {
    store(p, x);
  } else {
    store_first(p, x, n);
  }
}

// body(i, n_lanes) over a row of n.
template <class Body>
inline void for_row(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, kLanes);
  if (i < n) body(i, static_cast<int>(n - i));
}

inline float square_root(float x) {
  return __builtin_sqrtf(x);
}

void rms_norm(const float* x, const float* w, int64_t n, float eps, float* out) {
  const float squares = sum_row(n, [&](int64_t i, int lanes, Vec s) {
    const Vec v = load_n(x + i, lanes);
    return fma(v, v, s);
  });
  const Vec factor = set1(1.0F / square_root(squares / static_cast<float>(n) + eps));
  for_row(n, [&](int64_t i, int lanes) {
    store_n(out + i, load_n(w + i, lanes) * (load_n(x + i, lanes) * factor), lanes);
  });
}

void layer_norm(const float* x, const float* w, const float* b, int64_t n, float eps, float* out) {
  const float total = sum_row(n, [&](int64_t i, int lanes, Vec s) { return s + load_n(x + i, lanes); });
  const Vec mean = set1(total / static_cast<float>(n));
  const float squares = sum_row(n, [&](int64_t i, int lanes, Vec s) {
    const Vec v = keep_first(load_n(x + i, lanes) - mean, lanes, 0.0F);
    return fma(v, v, s);
  });
  const Vec factor = set1(1.0F / square_root(squares / static_cast<float>(n) + eps));
  for_row(n, [&](int64_t i, int lanes) {
    const Vec v = (load_n(x + i, lanes) - mean) * factor;
    store_n(out + i, fma(v, load_n(w + i, lanes), load_n(b + i, lanes)), lanes);
  });
}

bool l2_normalize(float* x, int64_t n) {
  // In double: the square of a large f32 must not overflow. A row a sequence, so this is never hot.
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const double norm = __builtin_sqrt(squares);
  if (!(norm < 1e300)) return false;
  const double factor = 1.0 / (norm > 1e-12 ? norm : 1e-12);
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) * factor);
  return true;
}

void rotate_half(float* x, const float* c, const float* s, int64_t half) {
  for_row(half, [&](int64_t i, int lanes) {
    const Vec low = load_n(x + i, lanes);
    const Vec high = load_n(x + half + i, lanes);
    const Vec cosine = load_n(c + i, lanes);
    const Vec sine = load_n(s + i, lanes);
    store_n(x + i, low * cosine - high * sine, lanes);
    store_n(x + half + i, high * cosine + low * sine, lanes);
  });
}

void gelu_row(float* x, int64_t n) {
  for_row(n, [&](int64_t i, int lanes) { store_n(x + i, gelu(load_n(x + i, lanes)), lanes); });
}

void mul_gelu(float* x, const float* gate, int64_t n) {
  for_row(n,
          [&](int64_t i, int lanes) { store_n(x + i, load_n(x + i, lanes) * gelu(load_n(gate + i, lanes)), lanes); });
}

void add(float* x, const float* b, int64_t n) {
  for_row(n, [&](int64_t i, int lanes) { store_n(x + i, load_n(x + i, lanes) + load_n(b + i, lanes), lanes); });
}

void scale(const float* x, float factor, int64_t n, float* out) {
  const Vec f = set1(factor);
  for_row(n, [&](int64_t i, int lanes) { store_n(out + i, load_n(x + i, lanes) * f, lanes); });
}

void scale_rows(const float* x, int64_t ldx, const float* factors, int64_t rows, int64_t n, float* out, int64_t ldo) {
  for (int64_t r = 0; r < rows; ++r) scale(x + r * ldx, factors[r], n, out + r * ldo);
}

float largest(const float* x, int64_t n) {
  const Vec lowest = set1(-3.0e38F);
  Vec top[2] = {lowest, lowest};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    top[0] = max(top[0], load(x + i));
    top[1] = max(top[1], load(x + i + kLanes));
  }
  for_row(n - i,
          [&](int64_t j, int lanes) { top[0] = max(top[0], keep_first(load_n(x + i + j, lanes), lanes, -3.0e38F)); });
  return reduce_max(max(top[0], top[1]));
}

template <class Exponential>
inline float exponentials_by(float* x, int64_t n, float factor, float shift, Exponential exponential) {
  const Vec f = set1(factor);
  const Vec s = set1(shift);
  return sum_row(n, [&](int64_t i, int lanes, Vec total) {
    const Vec e = exponential(load_n(x + i, lanes) * f - s);
    store_n(x + i, e, lanes);
    return total + keep_first(e, lanes, 0.0F);
  });
}

float exponentials(float* x, int64_t n, float factor, float shift) {
  return exponentials_by(x, n, factor, shift, [](Vec v) { return exp(v); });
}

inline Vec load_as_f32(const std::byte* p, DType dtype) {
  switch (dtype) {
    case DType::f16: return load_half(p);
    case DType::bf16: return load_bfloat(p);
    default: {
      Vec v;
      __builtin_memcpy(&v.v, p, sizeof v.v);
      return v;
    }
  }
}

// Fewer than kLanes elements, without reading past them.
inline Vec load_tail_as_f32(const std::byte* p, DType dtype, int n) {
  std::byte padded[kLanes * sizeof(float)] = {};
  __builtin_memcpy(padded, p, static_cast<size_t>(n) * width(dtype));
  return load_as_f32(padded, dtype);
}

void to_f32(const std::byte* source, DType dtype, int64_t n, float* out) {
  if (is_blocked(dtype)) {
    for (int64_t i = 0; i < n; i += kGroup) decode_group(source, dtype, i / kGroup, out + i);
    return;
  }
  const auto bytes = static_cast<int64_t>(width(dtype));
  for_row(n, [&](int64_t i, int lanes) {
    const std::byte* p = source + i * bytes;
    store_n(out + i, lanes == kLanes ? load_as_f32(p, dtype) : load_tail_as_f32(p, dtype, lanes), lanes);
  });
}

// ---- Matrix product ------------------------------------------------------------------------------------------------

// A tile holds kTileRows x kTileVecs accumulators, the weights' kTileVecs vectors and one broadcast: 27 of 32 registers
// on AVX-512, 15 of 16 on AVX2, 11 of 16 on the portable path.
constexpr int kTileVecs = 2;
constexpr int kPanelWidth = kTileVecs * kLanes;
static_assert(kPanelWidth <= kMostPanelWidth);

// A column's group of elements is unpacked whole, then taken vector by vector.
void pack_group_panel(const PanelSource& source, int64_t k0, int64_t depth, float* panel) {
  static_assert(kGroup % kLanes == 0 && kDepthBlock % kGroup == 0);
  for (int column = 0; column < kPanelWidth; column += kLanes) {
    const int n = source.n_columns - column < kLanes ? source.n_columns - column : kLanes;
    for (int64_t k = 0; k < depth; k += kGroup) {
      alignas(64) float groups[kLanes][kGroup];
      const int64_t elements = depth - k < kGroup ? depth - k : kGroup;
      for (int j = 0; j < n; ++j) {
        const DType dtype = source.dtypes != nullptr ? source.dtypes[column + j] : source.dtype;
        const std::byte* row = source.rows[column + j];
        if (is_blocked(dtype)) {
          decode_group(row, dtype, (k0 + k) / kGroup, groups[j]);
        } else {
          to_f32(row + row_bytes(dtype, k0 + k), dtype, elements, groups[j]);
        }
      }
      for (int64_t part = 0; part < elements; part += kLanes) {
        const int lanes = elements - part < kLanes ? static_cast<int>(elements - part) : kLanes;
        Vec rows[kLanes];
        for (int j = 0; j < kLanes; ++j) rows[j] = j < n ? load_n(groups[j] + part, lanes) : set1(0.0F);
        transpose(rows);
        for (int j = 0; j < lanes; ++j) store(panel + (k + part + j) * kPanelWidth + column, rows[j]);
      }
    }
  }
}

void pack_panel(const PanelSource& source, int64_t k0, int64_t depth, float* panel) {
  if (source.dtypes != nullptr || is_blocked(source.dtype)) return pack_group_panel(source, k0, depth, panel);
  const auto bytes = static_cast<int64_t>(width(source.dtype));
  for (int column = 0; column < kPanelWidth; column += kLanes) {
    const int n = source.n_columns - column < kLanes ? source.n_columns - column : kLanes;
    for (int64_t k = 0; k < depth; k += kLanes) {
      const int lanes = depth - k < kLanes ? static_cast<int>(depth - k) : kLanes;
      Vec rows[kLanes];
      for (int j = 0; j < kLanes; ++j) {
        if (j >= n) {
          rows[j] = set1(0.0F);
          continue;
        }
        const std::byte* p = source.rows[column + j] + (k0 + k) * bytes;
        rows[j] = lanes == kLanes ? load_as_f32(p, source.dtype) : load_tail_as_f32(p, source.dtype, lanes);
      }
      transpose(rows);
      for (int j = 0; j < lanes; ++j) store(panel + (k + j) * kPanelWidth + column, rows[j]);
    }
  }
}

// The lines of a Fetch, one a call; past the last one it stays there.
class FetchCursor {
 public:
  FetchCursor(const Fetch& fetch, const void* idle)
      : fetch_(fetch), at_(static_cast<const std::byte*>(idle)), end_(at_) {
    enter_row();
  }
  void next() {
    __builtin_prefetch(at_, 0, 2);
    if (at_ + kLine < end_) {
      at_ += kLine;
    } else {
      enter_row();
    }
  }

 private:
  static constexpr int64_t kLine = 64;

  void enter_row() {
    if (row_ == fetch_.n_rows) return;
    at_ = fetch_.rows[row_++] + fetch_.offset;
    end_ = at_ + fetch_.bytes;
  }

  const Fetch& fetch_;
  int64_t row_ = 0;
  const std::byte* at_;
  const std::byte* end_;
};

template <int kRows>
void tile_rows(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t depth, float* c, int64_t ldc,
               bool accumulate, const Fetch& fetch) {
  Vec sum[kRows][kTileVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) sum[r][v] = set1(0.0F);
  }
  const auto step = [&](int64_t k) {
    Vec w[kTileVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) w[v] = load(b + k * ldb + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec x = set1(a[r * lda + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kTileVecs; ++v) sum[r][v] = fma(x, w[v], sum[r][v]);
    }
  };
  FetchCursor cursor(fetch, b);
  int64_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    cursor.next();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) step(k + i);
  }
  for (; k < depth; ++k) step(k);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) {
      float* out = c + r * ldc + v * kLanes;
      store(out, accumulate ? load(out) + sum[r][v] : sum[r][v]);
    }
  }
}

struct F32Rows {
  using Function = decltype(&tile_rows<1>);
  template <int kRows>
  static constexpr Function function = tile_rows<kRows>;
};
constexpr TileTable<F32Rows, kTileRows> kTiles;

void tile(int rows, const float* a, int64_t lda, const float* b, int64_t ldb, int64_t depth, float* c, int64_t ldc,
          bool accumulate, const Fetch& fetch) {
  kTiles.of_rows[rows](a, lda, b, ldb, depth, c, ldc, accumulate, fetch);
}

void finish(int64_t rows, const float* sums, int64_t lds, int n_columns, const Epilogue& epilogue, float* c,
            int64_t ldc) {
  for (int64_t r = 0; r < rows; ++r) {
    for_row(n_columns, [&](int64_t i, int lanes) {
      Vec x = load_n(sums + r * lds + i, lanes);
      if (epilogue.bias != nullptr) x = x + load_n(epilogue.bias + i, lanes);
      if (epilogue.gelu) x = epilogue.close ? gelu_close(x) : gelu(x);
      if (epilogue.accumulate) x = x + load_n(c + r * ldc + i, lanes);
      store_n(c + r * ldc + i, x, lanes);
    });
  }
}

template <bool kClose>
void finish_gated_by(int64_t rows, const float* gate, const float* up, int64_t lds, int n_columns, float* c,
                     int64_t ldc) {
  for (int64_t r = 0; r < rows; ++r) {
    for_row(n_columns, [&](int64_t i, int lanes) {
      const int64_t at = r * lds + i;
      const Vec x = load_n(gate + at, lanes);
      store_n(c + r * ldc + i, (kClose ? silu_close(x) : silu(x)) * load_n(up + at, lanes), lanes);
    });
  }
}

void finish_gated(int64_t rows, const float* gate, const float* up, int64_t lds, int n_columns, bool close, float* c,
                  int64_t ldc) {
  (close ? finish_gated_by<true> : finish_gated_by<false>)(rows, gate, up, lds, n_columns, c, ldc);
}

double fma_peak(int64_t iterations, float* sink) {
  constexpr int kAccumulators = 12;
  Vec sum[kAccumulators];
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) sum[i] = set1(static_cast<float>(i));
  const Vec x = set1(*sink);
  const Vec y = set1(*sink * 0.5F);
  for (int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kAccumulators; ++i) sum[i] = fma(sum[i], x, y);
  }
  Vec total = set1(0.0F);
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) total = total + sum[i];
  *sink = reduce_add(total);
  return 2.0 * kLanes * kAccumulators * static_cast<double>(iterations);
}

#include "kernels/bf16_inl.h"
#include "kernels/int4_inl.h"
#include "kernels/int8_inl.h"
#include "kernels/rotate_inl.h"

constexpr Kernels kTable = {
    .isa = kIsa,
    .panel_width = kPanelWidth,
    .tile_rows = kTileRows,
    .pack_panel = pack_panel,
    .to_f32 = to_f32,
    .tile = tile,
    .finish = finish,
    .finish_gated = finish_gated,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .l2_normalize = l2_normalize,
    .rotate_half = rotate_half,
    .gelu = gelu_row,
    .mul_gelu = mul_gelu,
    .add = add,
    .scale = scale,
    .scale_rows = scale_rows,
    .largest = largest,
    .exponentials = exponentials,
    .fma_peak = fma_peak,
    .bf16 = {.native = false,
             .tile_rows = kTileRows,
             .element_bytes = sizeof(float),
             .round_row = round_bf16_row,
             .pack_panel = pack_bf16_panel,
             .pack_rows = pack_bf16_rows,
             .exponentials = bf16_exponentials,
             .tile = bf16_tile,
             .peak = fma_peak},
    .int8 = {.native = false,
             .tile_rows = kInt8TileRows,
             .tile_panels = 1,
             .element_bytes = sizeof(int16_t),
             .head_bytes = 0,
             .rotate = rotate,
             .round_row = round_row,
             .round_input = round_input,
             .weights = int8_weights,
             .tile = int8_tile,
             .peak = int8_peak},
    .int4 = {.round_block = round_int4_block, .unpack = unpack_int4},
};
