// Products of 8 bits by vpdpbusd, which adds four products of an unsigned and a signed byte to each 32-bit sum. Weights
// are made unsigned by adding 128 as they are loaded; a row's sum starts at minus 128 times the sum of its elements, so
// that nothing is left of it: exact, hence the bits of every other path. Rows of attention's weights are unsigned as
// they are, and what they weigh is signed. Included by the vnni paths inside their namespace and target region, after
// kVnniPanels, kVnniVecs vectors of kVnniColumns columns a panel, VnniSum and its functions, round_input_narrow and
// weights_narrow among them.

template <bool kAccumulate>
inline void leave_row(VnniSum sum, float row_scale, VnniFloats column_scales, const float* before, float* out) {
  const VnniFloats x = load_floats(before) + to_floats(sum) * (row_scale * column_scales);
  store_floats(out, kAccumulate ? x + load_floats(out) : x);
}

// What a tile gives, row by row.
template <bool kAccumulate, int kRows, int kVecs>
[[gnu::always_inline]] inline void leave(const Int8Tile& work, const VnniSum (&sum)[kRows][kVecs]) {
  constexpr int kPanels = kVecs / kVnniVecs;
  const float* row_scale = work.row_scales;
  const int64_t scale_stride = work.scale_stride;
  const float* before[kPanels];
  float* out[kPanels];
  int64_t before_stride[kPanels], out_stride[kPanels];
  VnniFloats column_scales[kVecs];
#pragma GCC unroll 2
  for (int p = 0; p < kPanels; ++p) {
    before[p] = work.before[p];
    out[p] = work.out[p];
    before_stride[p] = work.before_stride[p];
    out_stride[p] = work.out_stride[p];
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVecs; ++v) {
    column_scales[v] = load_floats(work.column_scales[v / kVnniVecs] + v % kVnniVecs * kVnniColumns);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) {
      const int64_t column = v % kVnniVecs * kVnniColumns;
      leave_row<kAccumulate>(sum[r][v], *row_scale, column_scales[v], before[v / kVnniVecs] + column,
                             out[v / kVnniVecs] + column);
    }
    // Or g++ 12 computes all rows' addresses beforehand, and has no registers for them.
    row_scale += scale_stride;
    asm("" : "+r"(row_scale));
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) {
      before[p] += before_stride[p];
      out[p] += out_stride[p];
      asm("" : "+r"(before[p]), "+r"(out[p]));
    }
  }
}

// kWeights: rows are unsigned, then (Int8Tile::rows_are_weights), and what they are multiplied by is signed as it lies.
template <int kRows, int kPanels, bool kWeights>
void vnni_tile_rows(const Int8Tile& work) {
  constexpr int kVecs = kPanels * kVnniVecs;
  VnniSum sum[kRows][kVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    int32_t start = 0;
    if constexpr (!kWeights) __builtin_memcpy(&start, work.rows + r * work.row_bytes, sizeof start);
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) sum[r][v] = start_at(start);
  }
  // Three rows to a pointer: the others are a stride or two away, which an address can say.
  constexpr int kBases = (kRows + 2) / 3;
  const int64_t row_bytes = work.row_bytes;
  const std::byte* bases[kBases];
#pragma GCC unroll 8
  for (int i = 0; i < kBases; ++i) bases[i] = work.rows + kVnniHeadBytes + 3 * i * row_bytes;
  const int8_t* panels[kPanels];
#pragma GCC unroll 2
  for (int p = 0; p < kPanels; ++p) panels[p] = work.panels[p];
  // The next weights, a line of each panel now and then.
  constexpr int64_t kLine = 64;
  constexpr int kSteps = 2;
  const int64_t pace = work.next[0] == nullptr ? -1 : work.next_pace;
  const std::byte* next[kPanels];
#pragma GCC unroll 2
  for (int p = 0; p < kPanels; ++p) next[p] = work.next[0] == nullptr ? work.rows : work.next[p];
  const int64_t n_steps = work.depth / kInt8Step;
  for (int64_t i = 0; i < n_steps; i += kSteps) {
    const int now = n_steps - i < kSteps ? 1 : kSteps;
#pragma GCC unroll 2
    for (int s = 0; s < kSteps; ++s) {
      if (s == now) break;
      const int64_t ahead = ((i + s) & pace) == 0 ? kLine : 0;
#pragma GCC unroll 2
      for (int p = 0; p < kPanels; ++p) {
        __builtin_prefetch(next[p]);
        next[p] += ahead;
      }
      VnniSum columns[kVecs];
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) {
        const int8_t* const from =
            panels[v / kVnniVecs] + s * kInt8Columns * kInt8Step + v % kVnniVecs * kVnniColumns * kInt8Step;
        columns[v] = kWeights ? signed_weights(from) : unsigned_weights(from);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const VnniSum x = four_elements(bases[r / 3] + r % 3 * row_bytes + s * kInt8Step);
#pragma GCC unroll 4
        for (int v = 0; v < kVecs; ++v)
          kWeights ? add_dots(sum[r][v], x, columns[v]) : add_dots(sum[r][v], columns[v], x);
      }
    }
#pragma GCC unroll 8
    for (int j = 0; j < kBases; ++j) bases[j] += kSteps * kInt8Step;
#pragma GCC unroll 2
    for (int p = 0; p < kPanels; ++p) panels[p] += kSteps * kInt8Columns * kInt8Step;
  }
  if (work.accumulate) {
    leave<true>(work, sum);
  } else {
    leave<false>(work, sum);
  }
}

template <int kPanels, bool kWeights>
struct VnniRows {
  using Function = decltype(&vnni_tile_rows<1, 1, false>);
  template <int kRows>
  static constexpr Function function = vnni_tile_rows<kRows, kPanels, kWeights>;
};
template <bool kWeights>
void vnni_tile_of(const Int8Tile& work) {
  static constexpr TileTable<VnniRows<1, kWeights>, kVnniTileRows> kTiles;
  static constexpr TileTable<VnniRows<kVnniPanels, kWeights>, kVnniTileRows> kWideTiles;
  (work.n_panels == 1 ? kTiles.of_rows : kWideTiles.of_rows)[work.n_rows](work);
}

void vnni_tile(const Int8Tile& work) {
  work.rows_are_weights ? vnni_tile_of<true>(work) : vnni_tile_of<false>(work);
}

double vnni_peak(int64_t iterations, int32_t* sink) {
  constexpr int kAccumulators = 12;
  VnniSum sum[kAccumulators];
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) sum[i] = start_at(i);
  const VnniSum w = start_at(*sink);
  for (int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kAccumulators; ++i) add_dots(sum[i], w, w);
  }
  *sink = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) {
    *sink += first_sum(sum[i]);
  }
  return 2.0 * kVnniColumns * kInt8Step * kAccumulators * static_cast<double>(iterations);
}

constexpr VnniProducts kProducts = {.tile_rows = kVnniTileRows,
                                    .tile_panels = kVnniPanels,
                                    .head_bytes = kVnniHeadBytes,
                                    .round_input = round_input_narrow,
                                    .weights = weights_narrow,
                                    .tile = vnni_tile,
                                    .peak = vnni_peak};
