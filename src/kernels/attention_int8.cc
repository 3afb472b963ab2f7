#include "kernels/attention_int8.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <immintrin.h>

#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

constexpr Int8Head::ColumnScales same_in_all(float x) {
  Int8Head::ColumnScales all{};
  all.fill(x);
  return all;
}
constexpr auto kZeros = same_in_all(0), kOnes = same_in_all(1);
// What rounding leaves out of a block's weights is less than this and fits a byte.
constexpr float kMostLeftOut = 0.51F * kKeyBlock;
// Of values next to nothing, whose scale would have no finite inverse.
constexpr float kLeastValueScale = 1e-20F;

constexpr int64_t round_up(int64_t n, int64_t unit) {
  return ceil_div(n, unit) * unit;
}

// Where in a panel of values a key's are, or its step's: behind each block of keys is a step of its own.
constexpr int64_t value_offset(int64_t key) {
  return (key + key / kKeyBlock * kInt8Step) * kInt8Columns;
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
        weight_bytes(padded_bytes(int8.head_bytes + (kKeyBlock + kInt8Step) * int8.element_bytes)),
        value_bytes(value_offset(round_up(n_keys, kInt8Step) + kKeyBlock - 1)) {
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
    means = part(round_up(head_dim, kInt8Columns) * kFloat);
  }

  int64_t query_bytes, weight_bytes, value_bytes;
  int64_t size = 0;
  int64_t keys, values, queries, weights, query_scales, key_scales, value_logs, value_factors, means;
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
      value_factors_(reinterpret_cast<float*>(memory + layout.value_factors)),
      means_(reinterpret_cast<float*>(memory + layout.means)) {}

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
  append_means(n_keys);
}

// As a query finds it whose weights are all one step.
void Int8Head::append_means(int64_t n_keys) {
  const Int8Kernels& int8 = kernels_.int8;
  std::memset(weights_, 0, static_cast<size_t>(weight_bytes_));
  for (int64_t i = 0; i < kKeyBlock; ++i) weights_[int8.head_bytes + i * int8.element_bytes] = std::byte{1};
  for (int64_t key0 = 0; key0 < n_keys; key0 += kKeyBlock) {
    const int64_t n_block = std::min(kKeyBlock, n_keys - key0), depth = round_up(n_block, kInt8Step);
    weigh_by(1, key0, depth, same_in_all(1.0F / static_cast<float>(n_block)), false, means_, 0);
    for (int64_t c = 0; c < round_up(head_dim_, kInt8Columns); ++c) {
      const auto mean = static_cast<int8_t>(std::nearbyint(means_[c]));
      int8_t* const to = values_ + c / kInt8Columns * value_bytes_ + value_offset(key0) + depth * kInt8Columns +
                         c % kInt8Columns * kInt8Step;
      to[0] = mean;
      to[1] = static_cast<int8_t>(-mean);
      to[2] = to[3] = 0;
    }
  }
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
    interleave(rows, column, values_ + column / kInt8Columns * value_bytes_ + value_offset(key));
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
  const Int8Kernels& int8 = kernels_.int8;
  std::byte* const row = weights_ + query * weight_bytes_;
  float left_out = 0;
  const float sum = int8.weights(scores, value_factors_ + key0, seen, n_block, shift, row, &left_out);
  // At most half a step a key; nothing of one that is not a number.
  const int whole = std::fabs(left_out) < kMostLeftOut ? static_cast<int>(std::nearbyint(left_out)) : 0;
  std::byte* const behind = row + int8.head_bytes + round_up(n_block, kInt8Step) * int8.element_bytes;
  std::memset(behind, 0, static_cast<size_t>(kInt8Step * int8.element_bytes));
  behind[whole < 0 ? int8.element_bytes : 0] = static_cast<std::byte>(std::abs(whole));
  return sum;
}

void Int8Head::weigh(int64_t key0, int64_t n_block, const float* /*scores*/, int64_t /*ld_scores*/, float* sums,
                     int64_t ld_sums) const {
  weigh_by(n_queries_, key0, round_up(n_block, kInt8Step) + kInt8Step, kOnes, key0 != 0, sums, ld_sums);
}

void Int8Head::weigh_by(int64_t n_rows, int64_t key0, int64_t depth, const ColumnScales& scales, bool accumulate,
                        float* sums, int64_t ld_sums) const {
  const Int8Kernels& int8 = kernels_.int8;
  Int8Tile work;
  work.rows_are_weights = true;
  work.row_bytes = weight_bytes_;
  work.row_scales = kOnes.data();
  work.scale_stride = 0;
  work.depth = depth;
  const int64_t n_panels = ceil_div(head_dim_, kInt8Columns);
  for (int64_t panel = 0; panel < n_panels; panel += int8.tile_panels) {
    work.n_panels = static_cast<int>(std::min<int64_t>(int8.tile_panels, n_panels - panel));
    for_tiles(n_rows, int8.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = weights_ + row * weight_bytes_;
      for (int i = 0; i < work.n_panels; ++i) {
        float* const out = sums + row * ld_sums + (panel + i) * kInt8Columns;
        work.panels[i] = values_ + (panel + i) * value_bytes_ + value_offset(key0);
        work.column_scales[i] = scales.data();
        work.before[i] = accumulate ? out : kZeros.data();
        work.before_stride[i] = accumulate ? ld_sums : 0;
        work.out[i] = out;
        work.out_stride[i] = ld_sums;
      }
      int8.tile(work);
    });
  }
}

}  // namespace lode::kernels
