// Products of 8 bits by vpdpbusd, which adds four products of an unsigned and a signed byte to each 32-bit sum. Weights
// are made unsigned by adding 128 as they are loaded; a row's sum starts at minus 128 times the sum of its elements, so
// that nothing is left of it: exact, hence the bits of every other path. Included by the vnni paths inside their
// namespace and target region, after kVnniVecs vectors of kVnniColumns columns, VnniSum and its functions.

// A row's group in memory: the sum that its products start from, then its elements, a byte each.
constexpr int kVnniHeadBytes = 64;

float round_input_narrow(const float* x, int64_t k, int64_t depth, std::byte* out) {
  alignas(64) int16_t wide[kInt8MostGroup];
  const float scale = base_kernels()->int8.round_row(x, k, wide);
  auto* const narrow = reinterpret_cast<int8_t*>(out + kVnniHeadBytes);
  int32_t sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    narrow[i] = static_cast<int8_t>(wide[i]);
    sum += wide[i];
  }
  for (int64_t i = k; i < depth; ++i) narrow[i] = 0;
  const int32_t start = -128 * sum;
  __builtin_memcpy(out, &start, sizeof start);
  return scale;
}

template <int kRows>
void vnni_tile_rows(const std::byte* a, int64_t lda, const int8_t* b, int64_t depth, int32_t* c, const Fetch& fetch) {
  VnniSum sum[kRows][kVnniVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    int32_t start;
    __builtin_memcpy(&start, a + r * lda, sizeof start);
#pragma GCC unroll 2
    for (int v = 0; v < kVnniVecs; ++v) sum[r][v] = start_at(start);
  }
  // The next weights, a line a step.
  const std::byte* const next = fetch.n_rows == 1 ? fetch.rows[0] + fetch.offset : nullptr;
  const std::byte* const elements = a + kVnniHeadBytes;
  for (int64_t k = 0; k < depth; k += kInt8Step) {
    const int64_t line = k / kInt8Step * 64;
    if (line < fetch.bytes && next != nullptr) __builtin_prefetch(next + line);
    VnniSum weights[kVnniVecs];
#pragma GCC unroll 2
    for (int v = 0; v < kVnniVecs; ++v) {
      weights[v] = unsigned_weights(b + k * kInt8Columns + v * kVnniColumns * kInt8Step);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const VnniSum x = four_elements(elements + r * lda + k);
#pragma GCC unroll 2
      for (int v = 0; v < kVnniVecs; ++v) add_dots(sum[r][v], weights[v], x);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVnniVecs; ++v) store_dots(c + r * kInt8Columns + v * kVnniColumns, sum[r][v]);
  }
}

using VnniTileFunction = void (*)(const std::byte*, int64_t, const int8_t*, int64_t, int32_t*, const Fetch&);

template <int kRows>
constexpr void fill_vnni_tiles(VnniTileFunction* table) {
  table[kRows] = vnni_tile_rows<kRows>;
  if constexpr (kRows > 1) fill_vnni_tiles<kRows - 1>(table);
}

struct VnniTileFunctions {
  VnniTileFunction of_rows[kVnniTileRows + 1] = {};
  constexpr VnniTileFunctions() { fill_vnni_tiles<kVnniTileRows>(of_rows); }
};
constexpr VnniTileFunctions kVnniTiles;

void vnni_tile(int rows, const std::byte* a, int64_t lda, const int8_t* b, int64_t depth, int32_t* c,
               const Fetch& fetch) {
  kVnniTiles.of_rows[rows](a, lda, b, depth, c, fetch);
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
    int32_t total[kVnniColumns];
    store_dots(total, sum[i]);
    *sink += total[0];
  }
  return 2.0 * kVnniColumns * kInt8Step * kAccumulators * static_cast<double>(iterations);
}

constexpr VnniProducts kProducts = {.tile_rows = kVnniTileRows,
                                    .head_bytes = kVnniHeadBytes,
                                    .round_input = round_input_narrow,
                                    .tile = vnni_tile,
                                    .peak = vnni_peak};
