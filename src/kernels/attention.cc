#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/attention_scores.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Keys of one tile of scores: with kQueryBlock queries they stay near L1.
constexpr int64_t kKeyBlock = 256;

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

// The same with queries and keys rounded as Scores has them, values and weights to BF16.
template <class Scores>
class RoundedHead {
 public:
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
    return static_cast<size_t>(Scores::bytes(kernels, n_keys, head_dim) + bf16_panel_bytes(kernels, head_dim, n_keys) +
                               kQueryBlock * bf16_row_bytes(kernels, kKeyBlock)) /
           sizeof(float);
  }

  RoundedHead(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
              int64_t head_dim)
      : kernels_(kernels),
        width_(kernels.panel_width),
        n_keys_(even(n_keys)),
        head_dim_(head_dim),
        scores_(kernels, reinterpret_cast<std::byte*>(memory), k, ldkv, n_keys, head_dim) {
    std::byte* const behind = reinterpret_cast<std::byte*>(memory) + Scores::bytes(kernels, n_keys, head_dim);
    values_ = reinterpret_cast<uint16_t*>(behind);
    weights_ = behind + bf16_panel_bytes(kernels, head_dim, n_keys);
    weight_bytes_ = bf16_row_bytes(kernels, kKeyBlock);
    for (int64_t column = 0; column < head_dim; column += width_) {
      kernels.bf16.pack_rows(v + column, ldkv, n_keys, static_cast<int>(std::min(width_, head_dim - column)),
                             values_ + column * n_keys_);
    }
  }

  void take_queries(const float* q, int64_t ldq, int64_t n_queries) {
    scores_.take_queries(q, ldq, n_queries);
    n_queries_ = n_queries;
  }

  float weights(int64_t query, float* scores, int64_t seen, int64_t n_block, float factor, float shift) {
    return kernels_.bf16.exponentials(scores, seen, n_block, factor, shift, weights_ + query * weight_bytes_);
  }

  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
    scores_.score(key0, n_block, scores, ld_scores);
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
  const Kernels& kernels_;
  int64_t width_;
  int64_t n_keys_;
  int64_t head_dim_;
  Scores scores_;
  uint16_t* values_;    // [ceil(head_dim / width)] panels of depth n_keys
  std::byte* weights_;  // [kQueryBlock, weight_bytes]
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

// Queries, keys, values and results as attention() has them.
struct Rows {
  const float* q;
  int64_t ldq;
  const float* k;
  const float* v;
  int64_t ldkv;
  float* out;
  int64_t ldo;
};

// One key/value head of one sequence with all of its queries, in a worker's scratch memory.
template <class Head>
void attend_head(const Kernels& kernels, Buffer<float>& scratch, const AttentionShape& shape, const AttentionSpan& span,
                 int64_t kv_head, const Rows& rows) {
  const int64_t head_dim = shape.head_dim, heads_per_kv = shape.n_heads / shape.n_kv_heads;
  const size_t work_floats = Workspace::floats(kernels.panel_width, head_dim);
  float* const memory = scratch.resize(work_floats + Head::floats(kernels, span.n_keys, head_dim));
  const Workspace work(memory, kernels.panel_width, head_dim);
  const int64_t kv_offset = span.first_key * rows.ldkv + kv_head * head_dim;
  Head keys_and_values(kernels, memory + work_floats, rows.k + kv_offset, rows.v + kv_offset, rows.ldkv, span.n_keys,
                       head_dim);
  const int64_t first_position = span.n_keys - span.n_queries;
  for (int64_t head = kv_head * heads_per_kv; head < (kv_head + 1) * heads_per_kv; ++head) {
    for (int64_t query = 0; query < span.n_queries; query += kQueryBlock) {
      const int64_t row = span.first_query + query;
      const int64_t n_queries = std::min(kQueryBlock, span.n_queries - query);
      keys_and_values.take_queries(rows.q + row * rows.ldq + head * head_dim, rows.ldq, n_queries);
      attend(kernels, shape, keys_and_values, work, span.n_keys, n_queries, first_position + query,
             rows.out + row * rows.ldo + head * head_dim, rows.ldo);
    }
  }
}

auto attend_by(AttentionRounding rounding, int64_t n_keys) {
  if (rounding == AttentionRounding::none) return attend_head<F32Head>;
  if (rounding == AttentionRounding::bf16 || n_keys < kInt8ScoreKeys) return attend_head<RoundedHead<Bf16Scores>>;
  return attend_head<RoundedHead<Int8Scores>>;
}

}  // namespace

void attention(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
               int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo) {
  const Rows rows = {q, ldq, k, v, ldkv, out, ldo};
  const auto n_kv_heads = static_cast<size_t>(shape.n_kv_heads);
  context.pool.for_each(spans.size() * n_kv_heads, [&](size_t task, int worker) {
    const AttentionSpan& span = spans[task / n_kv_heads];
    if (span.n_queries == 0) return;
    attend_by(shape.rounding, span.n_keys)(context.kernels, context.scratch[static_cast<size_t>(worker)], shape, span,
                                           static_cast<int64_t>(task % n_kv_heads), rows);
  });
}

}  // namespace lode::kernels
