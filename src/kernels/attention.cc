#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Queries and keys of one tile of scores: 48 x 256 floats stay near L1, and 48 is a whole number of f32's tiles on
// every path.
constexpr int64_t kQueryBlock = 48;
constexpr int64_t kKeyBlock = 256;

// body(first key, where the keys of its panel lie) for each panel of keys.
template <class Body>
void for_key_panels(const Kernels& kernels, const float* k, int64_t ldkv, int64_t n_keys, Body body) {
  const std::byte* rows[kMostPanelWidth];
  for (int64_t first = 0; first < n_keys; first += kernels.panel_width) {
    const int n = static_cast<int>(std::min<int64_t>(kernels.panel_width, n_keys - first));
    for (int i = 0; i < n; ++i) rows[i] = reinterpret_cast<const std::byte*>(k + (first + i) * ldkv);
    body(first, PanelSource{rows, n, DType::f32});
  }
}

// Rows in even tiles: body(first row, rows).
template <class Body>
void for_tiles(int64_t rows, int64_t most_rows, Body body) {
  const int64_t n_tiles = ceil_div(rows, most_rows);
  const EvenParts heights(rows, n_tiles);
  int64_t row = 0;
  for (int64_t tile = 0; tile < n_tiles; ++tile) {
    const int height = static_cast<int>(heights.size(tile));
    body(row, height);
    row += height;
  }
}

// One key/value head of one sequence as f32, and the products with it.
class F32Head {
 public:
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
    const int64_t width = kernels.panel_width;
    return static_cast<size_t>(ceil_div(n_keys, width) * width * head_dim + n_keys * ceil_div(head_dim, width) * width);
  }

  F32Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
          int64_t head_dim)
      : kernels_(kernels), width_(kernels.panel_width), n_keys_(n_keys), head_dim_(head_dim), keys_(memory) {
    values_ = memory + ceil_div(n_keys, width_) * width_ * head_dim;
    for_key_panels(kernels, k, ldkv, n_keys, [&](int64_t first, const PanelSource& source) {
      kernels.pack_panel(source, 0, head_dim, keys_ + first * head_dim);
    });
    for (int64_t column = 0; column < head_dim; column += width_) {
      const int64_t n = std::min(width_, head_dim - column);
      float* panel = values_ + column * n_keys;
      for (int64_t key = 0; key < n_keys; ++key, panel += width_) {
        std::memcpy(panel, v + key * ldkv + column, static_cast<size_t>(n) * sizeof(float));
        std::memset(panel + n, 0, static_cast<size_t>(width_ - n) * sizeof(float));
      }
    }
  }

  void take_queries(const float* q, int64_t ldq, int64_t n_queries) {
    queries_ = q;
    ldq_ = ldq;
    n_queries_ = n_queries;
  }

  // Scores [n_block] of a query of the block, of which it sees the first `seen`, as weights; their sum.
  float weights(int64_t /*query*/, float* scores, int64_t seen, int64_t n_block, float factor, float shift) {
    std::fill(scores + seen, scores + n_block, 0.0F);
    return kernels_.exponentials(scores, seen, factor, shift);
  }

  // scores [n_queries, n_block] = queries times keys key0 and on.
  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
    for (int64_t key = 0; key < n_block; key += width_) {
      const float* panel = keys_ + (key0 + key) * head_dim_;
      for_tiles(n_queries_, kernels_.tile_rows, [&](int64_t row, int rows) {
        kernels_.tile(rows, queries_ + row * ldq_, ldq_, panel, width_, head_dim_, scores + row * ld_scores + key,
                      ld_scores, false, {});
      });
    }
  }

  // sums [n_queries, head_dim] = or += weights [n_queries, n_block] times values key0 and on.
  void weigh(int64_t key0, int64_t n_block, const float* weights, int64_t ld_weights, float* sums, int64_t ld_sums) {
    for (int64_t column = 0; column < head_dim_; column += width_) {
      const float* panel = values_ + column * n_keys_ + key0 * width_;
      for_tiles(n_queries_, kernels_.tile_rows, [&](int64_t row, int rows) {
        kernels_.tile(rows, weights + row * ld_weights, ld_weights, panel, width_, n_block,
                      sums + row * ld_sums + column, ld_sums, key0 != 0, {});
      });
    }
  }

 private:
  const Kernels& kernels_;
  int64_t width_;
  int64_t n_keys_;
  int64_t head_dim_;
  float* keys_;    // [ceil(n_keys / width)] panels of [head_dim, width]: K transposed
  float* values_;  // [ceil(head_dim / width)] panels of [n_keys, width]
  const float* queries_ = nullptr;
  int64_t ldq_ = 0;
  int64_t n_queries_ = 0;
};

// The same with keys, values, queries and weights rounded to BF16.
class Bf16Head {
 public:
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
    return (panels(kernels, n_keys, head_dim) + panels(kernels, head_dim, n_keys)) / 2 +
           kQueryBlock * (row_bytes(kernels, head_dim) + row_bytes(kernels, kKeyBlock)) / sizeof(float);
  }

  Bf16Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
           int64_t head_dim)
      : kernels_(kernels), width_(kernels.panel_width), n_keys_(even(n_keys)), head_dim_(head_dim) {
    keys_ = reinterpret_cast<uint16_t*>(memory);
    values_ = keys_ + panels(kernels, n_keys, head_dim);
    queries_ = reinterpret_cast<std::byte*>(values_ + panels(kernels, head_dim, n_keys));
    query_bytes_ = row_bytes(kernels, head_dim);
    weights_ = queries_ + kQueryBlock * query_bytes_;
    weight_bytes_ = row_bytes(kernels, kKeyBlock);
    for_key_panels(kernels, k, ldkv, n_keys, [&](int64_t first, const PanelSource& source) {
      kernels.bf16.pack_panel(source, 0, head_dim, keys_ + first * even(head_dim));
    });
    for (int64_t column = 0; column < head_dim; column += width_) {
      kernels.bf16.pack_rows(v + column, ldkv, n_keys, static_cast<int>(std::min(width_, head_dim - column)),
                             values_ + column * n_keys_);
    }
  }

  void take_queries(const float* q, int64_t ldq, int64_t n_queries) {
    for (int64_t i = 0; i < n_queries; ++i) {
      kernels_.bf16.round_row(q + i * ldq, head_dim_, queries_ + i * query_bytes_);
    }
    n_queries_ = n_queries;
  }

  float weights(int64_t query, float* scores, int64_t seen, int64_t n_block, float factor, float shift) {
    return kernels_.bf16.exponentials(scores, seen, n_block, factor, shift, weights_ + query * weight_bytes_);
  }

  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
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

  void weigh(int64_t key0, int64_t n_block, const float* /*scores*/, int64_t /*ld_scores*/, float* sums,
             int64_t ld_sums) {
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

 private:
  // Elements of the panels of a matrix [n, depth].
  static int64_t panels(const Kernels& kernels, int64_t n, int64_t depth) {
    return ceil_div(n, kernels.panel_width) * kernels.panel_width * even(depth);
  }
  // Of a rounded row.
  static int64_t row_bytes(const Kernels& kernels, int64_t n) {
    return padded_bytes(even(n) * kernels.bf16.element_bytes);
  }

  const Kernels& kernels_;
  int64_t width_;
  int64_t n_keys_;
  int64_t head_dim_;
  uint16_t* keys_;      // [ceil(n_keys / width)] panels of depth head_dim
  uint16_t* values_;    // [ceil(head_dim / width)] panels of depth n_keys
  std::byte* queries_;  // [kQueryBlock, query_bytes]
  std::byte* weights_;  // [kQueryBlock, weight_bytes]
  int64_t query_bytes_;
  int64_t weight_bytes_;
  int64_t n_queries_ = 0;
};

// Scores of a block of queries and keys, and what they weigh.
struct Workspace {
  float* scores;  // [kQueryBlock, ld_scores]
  float* sums;    // [kQueryBlock, ld_sums]
  int64_t ld_scores;
  int64_t ld_sums;

  static int64_t score_stride(int64_t width) { return kKeyBlock + width; }
  static int64_t sum_stride(int64_t width, int64_t head_dim) { return ceil_div(head_dim, width) * width; }
  static size_t floats(int64_t width, int64_t head_dim) {
    return static_cast<size_t>(kQueryBlock * (score_stride(width) + sum_stride(width, head_dim)));
  }
  Workspace(float* memory, int64_t width, int64_t head_dim)
      : scores(memory),
        sums(memory + kQueryBlock * score_stride(width)),
        ld_scores(score_stride(width)),
        ld_sums(sum_stride(width, head_dim)) {}
};

// Up to kQueryBlock queries of one head, taken by `head`: out points at the first one's head.
template <class Head>
void attend(const Kernels& kernels, const AttentionShape& shape, Head& head, const Workspace& work, int64_t n_keys,
            int64_t n_queries, int64_t first_position, float* out, int64_t ldo) {
  const auto factor = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
  float row_max[kQueryBlock];
  float block_max[kQueryBlock];  // of this block of keys and those before it
  float row_sum[kQueryBlock];
  std::fill_n(row_max, n_queries, -3.0e38F);
  std::fill_n(row_sum, n_queries, 0.0F);

  const int64_t visible = shape.causal ? std::min(n_keys, first_position + n_queries) : n_keys;
  for (int64_t key0 = 0; key0 < visible; key0 += kKeyBlock) {
    const int64_t block = std::min(kKeyBlock, visible - key0);
    head.score(key0, block, work.scores, work.ld_scores);
    const auto seen_by = [&](int64_t row) {
      return shape.causal ? std::clamp<int64_t>(first_position + row + 1 - key0, 0, block) : block;
    };
    for (int64_t row = 0; row < n_queries; ++row) {
      const float top = kernels.largest(work.scores + row * work.ld_scores, seen_by(row)) * factor;
      block_max[row] = std::max(row_max[row], top);
    }
    for (int64_t row = 0; row < n_queries; ++row) {
      const float max = block_max[row];
      const float sum = head.weights(row, work.scores + row * work.ld_scores, seen_by(row), block, factor, max);
      if (key0 != 0) {
        const auto correction = static_cast<float>(std::exp(static_cast<double>(row_max[row]) - max));
        if (correction != 1.0F) {
          float* sums = work.sums + row * work.ld_sums;
          kernels.scale(sums, correction, work.ld_sums, sums);
        }
        row_sum[row] *= correction;
      }
      row_sum[row] += sum;
      row_max[row] = max;
    }
    head.weigh(key0, block, work.scores, work.ld_scores, work.sums, work.ld_sums);
  }
  float inverse[kQueryBlock];
  for (int64_t row = 0; row < n_queries; ++row) inverse[row] = 1.0F / row_sum[row];
  kernels.scale_rows(work.sums, work.ld_sums, inverse, n_queries, shape.head_dim, out, ldo);
}

template <class Head>
void attend_all(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
                int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo) {
  const Kernels& kernels = context.kernels;
  const int64_t head_dim = shape.head_dim;
  const int64_t heads_per_kv = shape.n_heads / shape.n_kv_heads;
  const auto n_kv_heads = static_cast<size_t>(shape.n_kv_heads);
  context.pool.for_each(spans.size() * n_kv_heads, [&](size_t task, int worker) {
    const AttentionSpan& span = spans[task / n_kv_heads];
    const auto kv_head = static_cast<int64_t>(task % n_kv_heads);
    if (span.n_queries == 0) return;
    const size_t work_floats = Workspace::floats(kernels.panel_width, head_dim);
    float* const memory =
        context.scratch[static_cast<size_t>(worker)].resize(work_floats + Head::floats(kernels, span.n_keys, head_dim));
    const Workspace work(memory, kernels.panel_width, head_dim);
    const int64_t kv_offset = span.first_key * ldkv + kv_head * head_dim;
    Head keys_and_values(kernels, memory + work_floats, k + kv_offset, v + kv_offset, ldkv, span.n_keys, head_dim);
    const int64_t first_position = span.n_keys - span.n_queries;
    for (int64_t head = kv_head * heads_per_kv; head < (kv_head + 1) * heads_per_kv; ++head) {
      for (int64_t query = 0; query < span.n_queries; query += kQueryBlock) {
        const int64_t row = span.first_query + query;
        const int64_t n_queries = std::min(kQueryBlock, span.n_queries - query);
        keys_and_values.take_queries(q + row * ldq + head * head_dim, ldq, n_queries);
        attend(kernels, shape, keys_and_values, work, span.n_keys, n_queries, first_position + query,
               out + row * ldo + head * head_dim, ldo);
      }
    }
  });
}

}  // namespace

void attention(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
               int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo) {
  const auto all = shape.bf16 ? attend_all<Bf16Head> : attend_all<F32Head>;
  all(context, shape, spans, q, ldq, k, v, ldkv, out, ldo);
}

}  // namespace lode::kernels
