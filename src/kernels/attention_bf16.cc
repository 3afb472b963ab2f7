#include "kernels/attention_bf16.h"

#include <algorithm>

#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Bytes of the panels of a matrix [n, depth], whole cache lines, and of a row that is multiplied with them.
int64_t panel_bytes(const Kernels& kernels, int64_t n, int64_t depth) {
  return ceil_div(n, kernels.panel_width) * kernels.panel_width * even(depth) * static_cast<int64_t>(sizeof(uint16_t));
}
int64_t row_bytes(const Kernels& kernels, int64_t n) {
  return padded_bytes(even(n) * kernels.bf16.element_bytes);
}

}  // namespace

size_t Bf16Head::floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
  return static_cast<size_t>(panel_bytes(kernels, n_keys, head_dim) + panel_bytes(kernels, head_dim, n_keys) +
                             kQueryBlock * (row_bytes(kernels, head_dim) + row_bytes(kernels, kKeyBlock))) /
         sizeof(float);
}

Bf16Head::Bf16Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
                   int64_t head_dim)
    : kernels_(kernels),
      width_(kernels.panel_width),
      n_keys_(even(n_keys)),
      head_dim_(head_dim),
      factor_(score_factor(head_dim)),
      query_bytes_(row_bytes(kernels, head_dim)),
      weight_bytes_(row_bytes(kernels, kKeyBlock)) {
  auto* const bytes = reinterpret_cast<std::byte*>(memory);
  keys_ = reinterpret_cast<uint16_t*>(bytes);
  queries_ = bytes + panel_bytes(kernels, n_keys, head_dim);
  values_ = reinterpret_cast<uint16_t*>(queries_ + kQueryBlock * query_bytes_);
  weights_ = queries_ + kQueryBlock * query_bytes_ + panel_bytes(kernels, head_dim, n_keys);
  for_key_panels(kernels, k, ldkv, n_keys, [&](int64_t first, const PanelSource& source) {
    kernels.bf16.pack_panel(source, 0, head_dim, keys_ + first * even(head_dim));
  });
  for (int64_t column = 0; column < head_dim; column += width_) {
    kernels.bf16.pack_rows(v + column, ldkv, n_keys, static_cast<int>(std::min(width_, head_dim - column)),
                           values_ + column * n_keys_);
  }
}

void Bf16Head::take_queries(const float* q, int64_t ldq, int64_t n_queries) {
  for (int64_t i = 0; i < n_queries; ++i) {
    kernels_.bf16.round_row(q + i * ldq, head_dim_, queries_ + i * query_bytes_);
  }
  n_queries_ = n_queries;
}

void Bf16Head::score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
  Bf16Tile work;
  work.row_bytes = query_bytes_;
  work.depth = even(head_dim_);
  work.out_stride = ld_scores;
  for (int64_t key = 0; key < n_block; key += width_) {
    work.panel = keys_ + (key0 + key) * even(head_dim_);
    for_tiles(n_queries_, kernels_.bf16.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = queries_ + row * query_bytes_;
      work.out = scores + row * ld_scores + key;
      kernels_.bf16.tile(work);
    });
  }
}

float Bf16Head::weights(int64_t query, int64_t /*key0*/, float* scores, int64_t seen, int64_t n_block, float shift) {
  return kernels_.bf16.exponentials(scores, seen, n_block, factor_, shift, weights_ + query * weight_bytes_);
}

void Bf16Head::weigh(int64_t key0, int64_t n_block, const float* /*scores*/, int64_t /*ld_scores*/, float* sums,
                     int64_t ld_sums) const {
  Bf16Tile work;
  work.row_bytes = weight_bytes_;
  work.depth = even(n_block);
  work.out_stride = ld_sums;
  work.accumulate = key0 != 0;
  for (int64_t column = 0; column < head_dim_; column += width_) {
    work.panel = values_ + column * n_keys_ + key0 * width_;
    for_tiles(n_queries_, kernels_.bf16.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = weights_ + row * weight_bytes_;
      work.out = sums + row * ld_sums + column;
      kernels_.bf16.tile(work);
    });
  }
}

}  // namespace lode::kernels
