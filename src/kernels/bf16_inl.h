// The products in BF16 of every path, written once over Vec: weights widened as they are used, rows rounded but held as
// f32. Included by kernels_inl.h; what is said there holds here.

void round_bf16_row(const float* x, int64_t n, std::byte* out) {
  auto* const rounded = reinterpret_cast<float*>(out);
  for_row(n, [&](int64_t i, int lanes) { store_n(rounded + i, nearest_bfloat(load_n(x + i, lanes)), lanes); });
  if (n % 2 != 0) rounded[n] = 0;
}

float bf16_exponentials(float* x, int64_t seen, int64_t n, float factor, float shift, std::byte* out) {
  const float sum = exponentials_by(x, seen, factor, shift, [](Vec v) { return exp2_close(v * set1(1.44269504F)); });
  for (int64_t i = seen; i < n; ++i) x[i] = 0;
  round_bf16_row(x, n, out);
  return sum;
}

// Two rows of a panel's depth: [kPanelWidth][2] of their elements.
inline void store_pairs(Vec even, Vec odd, uint16_t* out) {
  const Vec pairs = bfloat_pairs(even, odd);
  __builtin_memcpy(out, &pairs.v, sizeof pairs.v);
}

void pack_bf16_panel(const PanelSource& source, int64_t k0, int64_t depth, uint16_t* panel) {
  alignas(64) float part[kGroup * kPanelWidth];
  for (int64_t k = 0; k < depth; k += kGroup) {
    const int64_t n = depth - k < kGroup ? depth - k : kGroup;
    pack_panel(source, k0 + k, n, part);
    for (int64_t i = 0; i < n; i += 2) {
      const float* const row = part + i * kPanelWidth;
      for (int column = 0; column < kPanelWidth; column += kLanes) {
        const Vec odd = i + 1 < n ? load(row + kPanelWidth + column) : set1(0.0F);
        store_pairs(load(row + column), odd, panel + (k + i) * kPanelWidth + 2 * column);
      }
    }
  }
}

void pack_bf16_rows(const float* rows, int64_t stride, int64_t depth, int n_columns, uint16_t* panel) {
  for (int64_t k = 0; k < depth; k += 2, rows += 2 * stride) {
    for (int column = 0; column < kPanelWidth; column += kLanes) {
      const int left = n_columns - column;
      const int lanes = left < 0 ? 0 : (left < kLanes ? left : kLanes);
      const Vec even = load_n(rows + column, lanes);
      const Vec odd = k + 1 < depth ? load_n(rows + stride + column, lanes) : set1(0.0F);
      store_pairs(even, odd, panel + k * kPanelWidth + 2 * column);
    }
  }
}

template <int kRows>
void bf16_tile_rows(const Bf16Tile& work) {
  Vec sum[kRows][kTileVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) sum[r][v] = set1(0.0F);
  }
  const auto* const rows = reinterpret_cast<const float*>(work.rows);
  const int64_t stride = work.row_bytes / static_cast<int64_t>(sizeof(float));
  const uint16_t* panel = work.panel;
  constexpr int64_t kLine = 64;
  for (int64_t k = 0; k < work.depth; k += 2, panel += 2 * kPanelWidth) {
    if (k / 2 * kLine < work.next_bytes) __builtin_prefetch(work.next + k / 2 * kLine);
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) {
      Vec pairs;
      __builtin_memcpy(&pairs.v, panel + 2 * v * kLanes, sizeof pairs.v);
      const Vec even = even_of_pairs(pairs), odd = odd_of_pairs(pairs);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        sum[r][v] = fma(set1(rows[r * stride + k + 1]), odd, sum[r][v]);
        sum[r][v] = fma(set1(rows[r * stride + k]), even, sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) {
      float* const out = work.out + r * work.out_stride + v * kLanes;
      Vec x = sum[r][v];
      if (work.before != nullptr) x = load(work.before + r * work.before_stride + v * kLanes) + x;
      store(out, work.accumulate ? x + load(out) : x);
    }
  }
}

struct Bf16Rows {
  using Function = decltype(&bf16_tile_rows<1>);
  template <int kRows>
  static constexpr Function function = bf16_tile_rows<kRows>;
};
constexpr TileTable<Bf16Rows, kTileRows> kBf16Tiles;

void bf16_tile(const Bf16Tile& work) {
  kBf16Tiles.of_rows[work.n_rows](work);
}
