#include "kernels/attention_scores.h"

#include <cstring>

namespace lode::kernels {
namespace {

int64_t int8_depth(int64_t head_dim) {
  return ceil_div(head_dim, kInt8Step) * kInt8Step;
}

int64_t whole_panels(int64_t n_keys) {
  return ceil_div(n_keys, kInt8Columns) * kInt8Columns;
}

int64_t int8_row_bytes(const Kernels& kernels, int64_t head_dim) {
  return padded_bytes(kernels.int8.head_bytes + int8_depth(head_dim) * kernels.int8.element_bytes);
}

int64_t key_bytes(int64_t n_keys, int64_t head_dim) {
  return ceil_div(whole_panels(n_keys) * int8_depth(head_dim), kLineBytes) * kLineBytes;
}

}  // namespace

int64_t Bf16Scores::bytes(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
  return bf16_panel_bytes(kernels, n_keys, head_dim) + kQueryBlock * bf16_row_bytes(kernels, head_dim);
}

Bf16Scores::Bf16Scores(const Kernels& kernels, std::byte* memory, const float* k, int64_t ldk, int64_t n_keys,
                       int64_t head_dim)
    : kernels_(kernels),
      head_dim_(head_dim),
      keys_(reinterpret_cast<uint16_t*>(memory)),
      queries_(memory + bf16_panel_bytes(kernels, n_keys, head_dim)),
      query_bytes_(bf16_row_bytes(kernels, head_dim)) {
  for_key_panels(kernels, k, ldk, n_keys, [&](int64_t first, const PanelSource& source) {
    kernels.bf16.pack_panel(source, 0, head_dim, keys_ + first * even(head_dim));
  });
}

void Bf16Scores::take_queries(const float* q, int64_t ldq, int64_t n_queries) {
  for (int64_t i = 0; i < n_queries; ++i) {
    kernels_.bf16.round_row(q + i * ldq, head_dim_, queries_ + i * query_bytes_);
  }
  n_queries_ = n_queries;
}

void Bf16Scores::score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
  Bf16Tile work;
  work.row_bytes = query_bytes_;
  work.depth = even(head_dim_);
  work.out_stride = ld_scores;
  for (int64_t key = 0; key < n_block; key += kernels_.panel_width) {
    work.panel = keys_ + (key0 + key) * even(head_dim_);
    for_tiles(n_queries_, kernels_.bf16.tile_rows, [&](int64_t row, int rows) {
      work.n_rows = rows;
      work.rows = queries_ + row * query_bytes_;
      work.out = scores + row * ld_scores + key;
      kernels_.bf16.tile(work);
    });
  }
}

int64_t Int8Scores::bytes(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
  const int64_t n_scales = whole_panels(n_keys) + kQueryBlock;
  return key_bytes(n_keys, head_dim) + kQueryBlock * int8_row_bytes(kernels, head_dim) +
         ceil_div(n_scales * static_cast<int64_t>(sizeof(float)), kLineBytes) * kLineBytes;
}

Int8Scores::Int8Scores(const Kernels& kernels, std::byte* memory, const float* k, int64_t ldk, int64_t n_keys,
                       int64_t head_dim)
    : kernels_(kernels),
      head_dim_(head_dim),
      depth_(int8_depth(head_dim)),
      keys_(reinterpret_cast<int8_t*>(memory)),
      queries_(memory + key_bytes(n_keys, head_dim)),
      query_bytes_(int8_row_bytes(kernels, head_dim)),
      key_scales_(reinterpret_cast<float*>(queries_ + kQueryBlock * query_bytes_)),
      query_scales_(key_scales_ + whole_panels(n_keys)) {
  for (int64_t key = 0; key < n_keys; key += kInt8Columns) {
    pack_keys(k + key * ldk, ldk, std::min<int64_t>(kInt8Columns, n_keys - key), keys_ + key * depth_,
              key_scales_ + key);
  }
}

void Int8Scores::pack_keys(const float* k, int64_t ldk, int64_t n, int8_t* panel, float* scales) {
  const Int8Kernels& int8 = kernels_.int8;
  if (n < kInt8Columns) std::memset(panel, 0, static_cast<size_t>(kInt8Columns * depth_));
  std::fill(scales + n, scales + kInt8Columns, 0.0F);
  for (int64_t i = 0; i < n; ++i) {
    scales[i] = int8.round_input(k + i * ldk, head_dim_, depth_, queries_);
    const std::byte* const from = queries_ + int8.head_bytes;
    int8_t* to = panel + i * kInt8Step;
    for (int64_t step = 0; step < depth_; step += kInt8Step, to += kInt8Columns * kInt8Step) {
      if (int8.element_bytes == 1) {
        std::memcpy(to, from + step, kInt8Step);
      } else {
        const auto* const wide = reinterpret_cast<const int16_t*>(from) + step;
        for (int j = 0; j < kInt8Step; ++j) to[j] = static_cast<int8_t>(wide[j]);
      }
    }
  }
}

void Int8Scores::take_queries(const float* q, int64_t ldq, int64_t n_queries) {
  for (int64_t i = 0; i < n_queries; ++i) {
    query_scales_[i] = kernels_.int8.round_input(q + i * ldq, head_dim_, depth_, queries_ + i * query_bytes_);
  }
  n_queries_ = n_queries;
}

void Int8Scores::score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
  static constexpr float kZeros[kInt8Columns] = {};
  const Int8Kernels& int8 = kernels_.int8;
  Int8Tile work;
  work.row_bytes = query_bytes_;
  work.depth = depth_;
  for (int i = 0; i < int8.tile_panels; ++i) {
    work.before[i] = kZeros;
    work.out_stride[i] = ld_scores;
  }
  for (int64_t key = 0; key < n_block; key += int8.tile_panels * kInt8Columns) {
    work.n_panels = static_cast<int>(std::min<int64_t>(int8.tile_panels, ceil_div(n_block - key, kInt8Columns)));
    for (int i = 0; i < work.n_panels; ++i) {
      const int64_t first = key0 + key + i * kInt8Columns;
      work.panels[i] = keys_ + first * depth_;
      work.column_scales[i] = key_scales_ + first;
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

}  // namespace lode::kernels
