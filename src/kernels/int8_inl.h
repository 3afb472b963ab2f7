// The 8-bit products of every path, written once over Vec, IntWeights, IntSum and Activation. Included by
// kernels_inl.h; what is said there holds here.

float round_row(const float* x, int64_t k, int16_t* out) {
  const float largest_finite = 3.4028234e38F;
  Vec top = set1(0.0F);
  // A maximum does not see NaN, a sum of products with zero does.
  Vec poison = set1(0.0F);
  const Vec zero = set1(0.0F);
  for_row(k, [&](int64_t i, int lanes) {
    const Vec v = load_n(x + i, lanes);
    top = max(top, keep_first(max(v, zero - v), lanes, 0.0F));
    poison = poison + keep_first(v * zero, lanes, 0.0F);
  });
  const float largest = reduce_max(top);
  if (!(reduce_add(poison) == 0.0F) || !(largest <= largest_finite)) {
    for (int64_t i = 0; i < k; ++i) out[i] = 0;
    return __builtin_nanf("");
  }
  const float scale = largest / 127.0F;
  // Of a scale this small the inverse could overflow; such a row is nothing beside its bias.
  const bool vanishes = scale < 1e-37F;
  const Vec inverse = set1(vanishes ? 0.0F : 1.0F / scale);
  int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) store_int16(out + i, load(x + i) * inverse);
  if (i < k) {
    int16_t rest[kLanes];
    store_int16(rest, load_first(x + i, static_cast<int>(k - i)) * inverse);
    for (int j = 0; i + j < k; ++j) out[i + j] = rest[j];
  }
  return vanishes ? 0.0F : scale;
}

float round_input(const float* x, int64_t k, int64_t depth, std::byte* out) {
  auto* const elements = reinterpret_cast<int16_t*>(out);
  const float scale = round_row(x, k, elements);
  for (int64_t i = k; i < depth; ++i) elements[i] = 0;
  return scale;
}

float int8_weights(const float* x, const float* factors, int64_t seen, int64_t n, float largest, std::byte* out,
                   float* left_out) {
  auto* const elements = reinterpret_cast<int16_t*>(out);
  const Vec top = set1(largest), log2_of_e = set1(1.44269504F), most = set1(255.0F);
  Vec sum = set1(0.0F), left = set1(0.0F);
  const int64_t whole = (n + kInt8WeightStep - 1) / kInt8WeightStep * kInt8WeightStep;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const int64_t behind = seen - i;
    const int lanes = behind <= 0 ? 0 : behind < kLanes ? static_cast<int>(behind) : kLanes;
    const Vec weights = keep_first(exp2_close((load(x + i) - top) * log2_of_e) * most, lanes, 0.0F);
    sum = fma(weights, load(factors + i), sum);
    left = left + (weights - round_nearest(weights));
    store_int16(elements + i, weights);
  }
  *left_out = reduce_add(left);
  return reduce_add(sum);
}

// Rows times kIntVecs vectors of columns; a panel takes kInt8Columns / (kIntVecs * kIntColumns) of them.
template <int kRows>
void int8_tile_rows(const int16_t* a, int64_t lda, const int8_t* b, int64_t depth, int32_t* c, const Fetch& fetch) {
  constexpr int kColumns = kIntVecs * kIntColumns;
  FetchCursor cursor(fetch, b);
  for (int column = 0; column < kInt8Columns; column += kColumns) {
    IntSum sum[kRows][kIntVecs];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kIntVecs; ++v) sum[r][v] = no_sum();
    }
    const int8_t* const w = b + column * kInt8Step;
    const auto step = [&](int64_t k) {
      IntWeights weights[kIntVecs];
#pragma GCC unroll 4
      for (int v = 0; v < kIntVecs; ++v) {
        weights[v] = load_weights(w + k * kInt8Columns + v * kIntColumns * kInt8Step);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Activation x = broadcast(a + r * lda + k);
#pragma GCC unroll 4
        for (int v = 0; v < kIntVecs; ++v) add_products(sum[r][v], x, weights[v]);
      }
    };
    int64_t k = 0;
    for (; k + 4 * kInt8Step <= depth; k += 4 * kInt8Step) {
      cursor.next();
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) step(k + i * kInt8Step);
    }
    for (; k < depth; k += kInt8Step) step(k);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kIntVecs; ++v) {
        store_sum(c + r * kInt8Columns + column + v * kIntColumns, sum[r][v]);
      }
    }
  }
}

struct Int8Rows {
  using Function = decltype(&int8_tile_rows<1>);
  template <int kRows>
  static constexpr Function function = int8_tile_rows<kRows>;
};
constexpr TileTable<Int8Rows, kInt8TileRows> kInt8Tiles;

// What a tile gives of sums [rows, kInt8Columns].
template <bool kAccumulate>
inline void leave_int8_rows(const Int8Tile& work, int panel, const int32_t* sums) {
  constexpr int kVecs = kInt8Columns / kLanes;
  Vec column_scales[kVecs];
  for (int v = 0; v < kVecs; ++v) column_scales[v] = load(work.column_scales[panel] + v * kLanes);
  const float* row_scale = work.row_scales;
  const float* before = work.before[panel];
  float* out = work.out[panel];
  const int64_t scale_stride = work.scale_stride;
  const int64_t before_stride = work.before_stride[panel], out_stride = work.out_stride[panel];
  for (int r = 0; r < work.n_rows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      const Vec scaled = load_ints(sums + v * kLanes) * (set1(*row_scale) * column_scales[v]);
      const Vec x = load(before + v * kLanes) + scaled;
      store(out + v * kLanes, kAccumulate ? x + load(out + v * kLanes) : x);
    }
    sums += kInt8Columns;
    row_scale += scale_stride;
    before += before_stride;
    out += out_stride;
  }
}

void leave_int8_group(const Int8Tile& work, int panel, const int32_t* sums) {
  work.accumulate ? leave_int8_rows<true>(work, panel, sums) : leave_int8_rows<false>(work, panel, sums);
}

void int8_tile(const Int8Tile& work) {
  alignas(64) int32_t sums[kInt8TileRows * kInt8Columns];
  const auto* const elements = reinterpret_cast<const int16_t*>(work.rows);
  const Fetch fetch = {work.next, work.next[0] == nullptr ? 0 : 1, 0, work.next_bytes};
  kInt8Tiles.of_rows[work.n_rows](elements, work.row_bytes / static_cast<int64_t>(sizeof(int16_t)), work.panels[0],
                                  work.depth, sums, fetch);
  leave_int8_group(work, 0, sums);
}

double int8_peak(int64_t iterations, int32_t* sink) {
  constexpr int kAccumulators = 12;
  IntSum sum[kAccumulators];
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) sum[i] = no_sum();
  int8_t bytes[kIntColumns * kInt8Step] = {};
  int16_t row[kInt8Step] = {};
  bytes[0] = static_cast<int8_t>(*sink);
  row[0] = static_cast<int16_t>(*sink);
  IntWeights w = load_weights(bytes);
  const Activation x = broadcast(row);
  for (int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kAccumulators; ++i) {
      keep(w);  // or the products would be computed once
      add_products(sum[i], x, w);
    }
  }
  *sink = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kAccumulators; ++i) {
    int32_t total[kIntColumns];
    store_sum(total, sum[i]);
    *sink += total[0];
  }
  return 2.0 * kIntColumns * kInt8Step * kAccumulators * static_cast<double>(iterations);
}
