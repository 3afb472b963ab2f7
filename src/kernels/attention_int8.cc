#include "kernels/attention_int8.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <immintrin.h>

#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

constexpr std::array<float, kInt8Columns> same_in_all(float x) {
  std::array<float, kInt8Columns> all{};
  all.fill(x);
  return all;
}
constexpr auto kZeros = same_in_all(0), kOnes = same_in_all(1);
// Of values next to nothing, whose scale would have no finite inverse.
constexpr float kLeastValueScale = 1e-20F;

constexpr int64_t round_up(int64_t n, int64_t unit) {
  return ceil_div(n, unit) * unit;
}

// The elements [n] of a row that was rounded to 8 bits, a byte each; in place where they are wider.
int8_t* bytes_of(const Int8Kernels& int8, std::byte* row, int64_t n) {
  auto* const bytes = reinterpret_cast<int8_t*>(row + int8.head_bytes);
  if (int8.element_bytes == 1) return bytes;
  const auto* const wide = reinterpret_cast<const int16_t*>(bytes);
  for (int64_t i = 0; i < n; ++i) bytes[i] = static_cast<int8_t>(wide[i]);
  return bytes;
}

// Sixteen elements of four rows, column by column.
void interleave(const int8_t* const (&rows)[kInt8Step], int64_t column, int8_t* out) {
  static_assert(kInt8Step == 4 && kInt8Columns == 16);
  const auto row = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i] + column)); };
  const __m128i a = row(0), b = row(1), c = row(2), d = row(3);
  const __m128i low_ab = _mm_unpacklo_epi8(a, b), high_ab = _mm_unpackhi_epi8(a, b);
  const __m128i low_cd = _mm_unpacklo_epi8(c, d), high_cd = _mm_unpackhi_epi8(c, d);
  auto* const to = reinterpret_cast<__m128i*>(out);
  _mm_storeu_si128(to, _mm_unpacklo_epi16(low_ab, low_cd));
  _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(low_ab, low_cd));
  _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(high_ab, high_cd));
  _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(high_ab, high_cd));
}

}  // namespace

// What lies where in a head's memory, in bytes.
struct Int8Head::Layout {
  Layout(const Int8Kernels& int8, int64_t n_keys, int64_t head_dim)
      : query_bytes(padded_bytes(int8.head_bytes + round_up(head_dim, kInt8Columns) * int8.element_bytes)),
        weight_bytes(padded_bytes(int8.head_bytes + kKeyBlock * int8.element_bytes)),
        value_bytes(round_up(n_keys, kInt8Step) * kInt8Columns) {
    const auto part = [this](int64_t n) {
      const int64_t at = size;
      size += round_up(n, kLineBytes);
      return at;
    };
    constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
    const int64_t scales = round_up(n_keys, kInt8WeightStep) * kFloat;
    keys = part(round_up(n_keys, kInt8Columns) * round_up(head_dim, kInt8Step));
    values = part(ceil_div(head_dim, kInt8Columns) * value_bytes);
    queries = part(kQueryBlock * query_bytes);
    weights = part(kQueryBlock * weight_bytes);
    query_scales = part(kQueryBlock * kFloat);
    key_scales = part(scales);
    value_logs = part(scales);
    value_factors = part(scales);
  }

  int64_t query_bytes, weight_bytes, value_bytes;
  int64_t size = 0;
  int64_t keys, values, queries, weights, query_scales, key_scales, value_logs, value_factors;
};

size_t Int8Head::floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
  return static_cast<size_t>(Layout(kernels.int8, n_keys, head_dim).size) / sizeof(float);
}

Int8Head::Int8Head(const Kernels& kernels, const Layout& layout, std::byte* memory, int64_t head_dim)
    : kernels_(kernels),
      head_dim_(head_dim),
      depth_(round_up(head_dim, kInt8Step)),
      query_bytes_(layout.query_bytes),
      weight_bytes_(layout.weight_bytes),
      value_bytes_(layout.value_bytes),
      keys_(reinterpret_cast<int8_t*>(memory + layout.keys)),
      values_(reinterpret_cast<int8_t*>(memory + layout.values)),
      queries_(memory + layout.queries),
      weights_(memory + layout.weights),
      query_scales_(reinterpret_cast<float*>(memory + layout.query_scales)),
      key_scales_(reinterpret_cast<float*>(memory + layout.key_scales)),
      value_logs_(reinterpret_cast<float*>(memory + layout.value_logs)),
      value_factors_(reinterpret_cast<float*>(memory + layout.value_factors)) {}

Int8Head::Int8Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
                   int64_t head_dim)
    : Int8Head(kernels, Layout(kernels.int8, n_keys, head_dim), reinterpret_cast<std::byte*>(memory), head_dim) {
  for (int64_t key = 0; key < n_keys; key += kInt8Columns) {
    pack_keys(k + key * ldkv, ldkv, std::min<int64_t>(kInt8Columns, n_keys - key), keys_ + key * depth_,
              key_scales_ + key);
  }
  for (int64_t key = 0; key < n_keys; key += kInt8Step) {
    pack_values(v + key * ldkv, ldkv, key, std::min<int64_t>(kInt8Step, n_keys - key));
  }
  const int64_t padding = round_up(n_keys, kInt8WeightStep) - n_keys;
  for (float* const scales : {key_scales_, value_logs_, value_factors_}) std::fill_n(scales + n_keys, padding, 0.0F);
}

void Int8Head::pack_keys(const float* k, int64_t ldk, int64_t n, int8_t* panel, float* scales) {
  if (n < kInt8Columns) std::memset(panel, 0, static_cast<size_t>(kInt8Columns * depth_));
  for (int64_t i = 0; i < n; ++i) {
    scales[i] = kernels_.int8.round_input(k + i * ldk, head_dim_, depth_, queries_);
    const int8_t* const from = bytes_of(kernels_.int8, queries_, depth_);
    int8_t* to = panel + i * kInt8Step;
    for (int64_t step = 0; step < depth_; step += kInt8Step, to += kInt8Columns * kInt8Step) {
      std::memcpy(to, from + step, kInt8Step);
    }
  }
}

void Int8Head::pack_values(const float* v, int64_t ldv, int64_t key, int64_t n) {
  const int64_t whole = round_up(head_dim_, kInt8Columns);
  const int8_t* rows[kInt8Step];
  for (int64_t i = 0; i < kInt8Step; ++i) {
    std::byte* const row = queries_ + i * query_bytes_;
    rows[i] = reinterpret_cast<const int8_t*>(row + kernels_.int8.head_bytes);
    if (i >= n) {
      std::memset(row, 0, static_cast<size_t>(query_bytes_));
      continue;
    }
    const float scale = kernels_.int8.round_input(v + i * ldv, head_dim_, whole, row);
    bytes_of(kernels_.int8, row, whole);
    const float part = scale < kLeastValueScale ? kLeastValueScale : scale;  // which NaN remains
    value_logs_[key + i] = std::log(part);
    value_factors_[key + i] = 1.0F / part;
  }
  for (int64_t column = 0; column < head_dim_; column += kInt8Columns) {
    interleave(rows, column, values_ + column / kInt8Columns * value_bytes_ + key * kInt8Columns);
  }
}

void Int8Head::take_queries(const float* q, int64_t ldq, int64_t n_queries) {
  const float factor = score_factor(head_dim_);
  for (int64_t i = 0; i < n_queries; ++i) {
    query_scales_[i] = factor * kernels_.int8.round_input(q + i * ldq, head_dim_, depth_, queries_ + i * query_bytes_);
  }
  n_queries_ = n_queries;
}

void Int8Head::score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
  const Int8Kernels& int8 = kernels_.int8;
  Int8Tile work;
  work.row_bytes = query_bytes_;
  work.depth = depth_;
  for (int i = 0; i < int8.tile_panels; ++i) work.out_stride[i] = ld_scores;
  for (int64_t key = 0; key < n_block; key += int8.tile_panels * kInt8Columns) {
    work.n_panels = static_cast<int>(std::min<int64_t>(int8.tile_panels, ceil_div(n_block - key, kInt8Columns)));
    for (int i = 0; i < work.n_panels; ++i) {
      const int64_t first = key0 + key + i * kInt8Columns;
      work.panels[i] = keys_ + first * depth_;
      work.column_scales[i] = key_scales_ + first;
      work.before[i] = value_logs_ + first;
    }
    for_tiles(n_queries_, int8.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = queries_ + row * query_bytes_;
      work.row_scales = query_scales_ + row;
      for (int i = 0; i < work.n_panels; ++i) work.out[i] = scores + row * ld_scores + key + i * kInt8Columns;
      int8.tile(work);
    });
  }
}

float Int8Head::weights(int64_t query, int64_t key0, const float* scores, int64_t seen, int64_t n_block, float shift) {
  return kernels_.int8.weights(scores, value_factors_ + key0, seen, n_block, shift, weights_ + query * weight_bytes_);
}

void Int8Head::weigh(int64_t key0, int64_t n_block, const float* /*scores*/, int64_t /*ld_scores*/, float* sums,
                     int64_t ld_sums) const {
  const Int8Kernels& int8 = kernels_.int8;
  Int8Tile work;
  work.rows_are_weights = true;
  work.row_bytes = weight_bytes_;
  work.row_scales = kOnes.data();
  work.scale_stride = 0;
  work.depth = round_up(n_block, kInt8Step);
  const int64_t n_panels = ceil_div(head_dim_, kInt8Columns);
  for (int64_t panel = 0; panel < n_panels; panel += int8.tile_panels) {
    work.n_panels = static_cast<int>(std::min<int64_t>(int8.tile_panels, n_panels - panel));
    for_tiles(n_queries_, int8.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = weights_ + row * weight_bytes_;
      for (int i = 0; i < work.n_panels; ++i) {
        float* const out = sums + row * ld_sums + (panel + i) * kInt8Columns;
        work.panels[i] = values_ + (panel + i) * value_bytes_ + key0 * kInt8Columns;
        work.column_scales[i] = kOnes.data();
        work.before[i] = key0 != 0 ? out : kZeros.data();
        work.before_stride[i] = key0 != 0 ? ld_sums : 0;
        work.out[i] = out;
        work.out_stride[i] = ld_sums;
      }
      int8.tile(work);
    });
  }
}

}  // namespace lode::kernels
