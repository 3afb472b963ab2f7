#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Queries and keys of one tile of scores: 48 x 256 floats stay near L1, and 48 is a whole number of tiles on every
// path.
constexpr int64_t kQueryBlock = 48;
constexpr int64_t kKeyBlock = 256;

// One worker's memory for one (sequence, key/value head), cut from its scratch buffer.
struct Workspace {
  float* keys;    // [ceil(n_keys / panel_width)] panels of [head_dim, panel_width]: K transposed
  float* values;  // [ceil(head_dim / panel_width)] panels of [n_keys, panel_width]
  float* scores;  // [kQueryBlock, kKeyBlock + panel_width]
  float* sums;    // [kQueryBlock, value_stride]
  int64_t value_stride;

  static size_t size(int64_t panel_width, int64_t n_keys, int64_t head_dim) {
    const int64_t value_stride = ceil_div(head_dim, panel_width) * panel_width;
    return static_cast<size_t>(ceil_div(n_keys, panel_width) * panel_width * head_dim + n_keys * value_stride +
                               kQueryBlock * (kKeyBlock + panel_width + value_stride));
  }

  Workspace(float* memory, int64_t panel_width, int64_t n_keys, int64_t head_dim)
      : keys(memory),
        values(keys + ceil_div(n_keys, panel_width) * panel_width * head_dim),
        value_stride(ceil_div(head_dim, panel_width) * panel_width) {
    scores = values + n_keys * value_stride;
    sums = scores + kQueryBlock * (kKeyBlock + panel_width);
  }
};

void pack_keys(const Kernels& kernels, const float* k, int64_t ldkv, int64_t n_keys, int64_t head_dim, float* out) {
  const std::byte* rows[64];
  LODE_CHECK(kernels.panel_width <= 64);
  for (int64_t first = 0; first < n_keys; first += kernels.panel_width) {
    const int n = static_cast<int>(std::min<int64_t>(kernels.panel_width, n_keys - first));
    for (int i = 0; i < n; ++i) rows[i] = reinterpret_cast<const std::byte*>(k + (first + i) * ldkv);
    kernels.pack_panel({rows, n, DType::f32}, 0, head_dim, out + first * head_dim);
  }
}

void pack_values(const Kernels& kernels, const float* v, int64_t ldkv, int64_t n_keys, int64_t head_dim, float* out) {
  const int64_t panel_width = kernels.panel_width;
  for (int64_t column = 0; column < head_dim; column += panel_width) {
    const int64_t n = std::min(panel_width, head_dim - column);
    float* panel = out + column * n_keys;
    for (int64_t key = 0; key < n_keys; ++key, panel += panel_width) {
      std::memcpy(panel, v + key * ldkv + column, static_cast<size_t>(n) * sizeof(float));
      std::memset(panel + n, 0, static_cast<size_t>(panel_width - n) * sizeof(float));
    }
  }
}

// Rows in even tiles: body(first row, rows).
template <class Body>
void for_tiles(int64_t rows, int64_t tile_rows, Body body) {
  const int64_t n_tiles = ceil_div(rows, tile_rows);
  int64_t row = 0;
  for (int64_t tile = 0; tile < n_tiles; ++tile) {
    const int64_t height = rows / n_tiles + (tile < rows % n_tiles ? 1 : 0);
    body(row, static_cast<int>(height));
    row += height;
  }
}

// Up to kQueryBlock queries of one head: q and out point at the first one's head.
void attend(const Kernels& kernels, const AttentionShape& shape, const Workspace& work, int64_t n_keys, const float* q,
            int64_t ldq, int64_t n_queries, int64_t first_position, float* out, int64_t ldo) {
  const int64_t panel_width = kernels.panel_width;
  const int64_t head_dim = shape.head_dim;
  const int64_t ld_scores = kKeyBlock + panel_width;
  const auto factor = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  float row_max[kQueryBlock];
  float row_sum[kQueryBlock];
  std::fill_n(row_max, n_queries, -3.0e38F);
  std::fill_n(row_sum, n_queries, 0.0F);

  const int64_t visible = shape.causal ? std::min(n_keys, first_position + n_queries) : n_keys;
  for (int64_t key0 = 0; key0 < visible; key0 += kKeyBlock) {
    const int64_t block = std::min(kKeyBlock, visible - key0);
    for (int64_t key = 0; key < block; key += panel_width) {
      const float* panel = work.keys + (key0 + key) * head_dim;
      for_tiles(n_queries, kernels.tile_rows, [&](int64_t row, int rows) {
        kernels.tile(rows, q + row * ldq, ldq, panel, panel_width, head_dim, work.scores + row * ld_scores + key,
                     ld_scores, false, {});
      });
    }
    for (int64_t row = 0; row < n_queries; ++row) {
      float* scores = work.scores + row * ld_scores;
      const int64_t seen = shape.causal ? std::clamp<int64_t>(first_position + row + 1 - key0, 0, block) : block;
      std::fill(scores + seen, scores + block, 0.0F);
      if (seen == 0) continue;
      const auto [max, sum] = kernels.softmax_block(scores, seen, factor, row_max[row]);
      if (key0 != 0) {
        const auto correction = static_cast<float>(std::exp(static_cast<double>(row_max[row]) - max));
        if (correction != 1.0F) kernels.scale(work.sums + row * work.value_stride, correction, work.value_stride);
        row_sum[row] *= correction;
      }
      row_sum[row] += sum;
      row_max[row] = max;
    }
    for (int64_t column = 0; column < head_dim; column += panel_width) {
      const float* panel = work.values + column * n_keys + key0 * panel_width;
      for_tiles(n_queries, kernels.tile_rows, [&](int64_t row, int rows) {
        kernels.tile(rows, work.scores + row * ld_scores, ld_scores, panel, panel_width, block,
                     work.sums + row * work.value_stride + column, work.value_stride, key0 != 0, {});
      });
    }
  }
  for (int64_t row = 0; row < n_queries; ++row) {
    float* sums = work.sums + row * work.value_stride;
    kernels.scale(sums, 1.0F / row_sum[row], head_dim);
    std::memcpy(out + row * ldo, sums, static_cast<size_t>(head_dim) * sizeof(float));
  }
}

}  // namespace

void attention(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
               int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo) {
  const Kernels& kernels = context.kernels;
  const int64_t head_dim = shape.head_dim;
  const int64_t heads_per_kv = shape.n_heads / shape.n_kv_heads;
  const auto n_kv_heads = static_cast<size_t>(shape.n_kv_heads);
  context.pool.for_each(spans.size() * n_kv_heads, [&](size_t task, int worker) {
    const AttentionSpan& span = spans[task / n_kv_heads];
    const auto kv_head = static_cast<int64_t>(task % n_kv_heads);
    if (span.n_queries == 0) return;
    const Workspace work(context.scratch[static_cast<size_t>(worker)].resize(
                             Workspace::size(kernels.panel_width, span.n_keys, head_dim)),
                         kernels.panel_width, span.n_keys, head_dim);
    const int64_t kv_offset = span.first_key * ldkv + kv_head * head_dim;
    pack_keys(kernels, k + kv_offset, ldkv, span.n_keys, head_dim, work.keys);
    pack_values(kernels, v + kv_offset, ldkv, span.n_keys, head_dim, work.values);
    const int64_t first_position = span.n_keys - span.n_queries;
    for (int64_t head = kv_head * heads_per_kv; head < (kv_head + 1) * heads_per_kv; ++head) {
      for (int64_t query = 0; query < span.n_queries; query += kQueryBlock) {
        const int64_t row = span.first_query + query;
        attend(kernels, shape, work, span.n_keys, q + row * ldq + head * head_dim, ldq,
               std::min(kQueryBlock, span.n_queries - query), first_position + query, out + row * ldo + head * head_dim,
               ldo);
      }
    }
  });
}

}  // namespace lode::kernels
