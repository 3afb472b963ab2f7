#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/attention_bf16.h"
#include "kernels/attention_head.h"
#include "kernels/attention_int8.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// A head (attention_head.h) in f32.
class F32Head {
 public:
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim) {
    const int64_t width = kernels.panel_width;
    return static_cast<size_t>(ceil_div(n_keys, width) * width * head_dim + n_keys * ceil_div(head_dim, width) * width);
  }

  F32Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
          int64_t head_dim)
      : kernels_(kernels),
        width_(kernels.panel_width),
        n_keys_(n_keys),
        head_dim_(head_dim),
        factor_(score_factor(head_dim)),
        keys_(memory) {
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

  [[nodiscard]] float factor() const { return factor_; }

  float weights(int64_t /*query*/, int64_t /*key0*/, float* scores, int64_t seen, int64_t n_block, float shift) {
    std::fill(scores + seen, scores + n_block, 0.0F);
    return kernels_.exponentials(scores, seen, factor_, shift);
  }

  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const {
    for (int64_t key = 0; key < n_block; key += width_) {
      const float* panel = keys_ + (key0 + key) * head_dim_;
      for_tiles(n_queries_, kernels_.tile_rows, [&](int64_t row, int rows) {
        kernels_.tile(rows, queries_ + row * ldq_, ldq_, panel, width_, head_dim_, scores + row * ld_scores + key,
                      ld_scores, false, {});
      });
    }
  }

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
  float factor_;
  float* keys_;    // [ceil(n_keys / width)] panels of [head_dim, width]: K transposed
  float* values_;  // [ceil(head_dim / width)] panels of [n_keys, width]
  const float* queries_ = nullptr;
  int64_t ldq_ = 0;
  int64_t n_queries_ = 0;
};

// Scores of a block of queries and keys, and what they weigh; room for whole panels of every kind.
struct Workspace {
  float* scores;  // [kQueryBlock, ld_scores]
  float* sums;    // [kQueryBlock, ld_sums]
  int64_t ld_scores;
  int64_t ld_sums;

  static constexpr int64_t kScoreStride = kKeyBlock + kMostPanelWidth;
  static int64_t sum_stride(int64_t head_dim) { return ceil_div(head_dim, kMostPanelWidth) * kMostPanelWidth; }
  static size_t floats(int64_t head_dim) {
    return static_cast<size_t>(kQueryBlock * (kScoreStride + sum_stride(head_dim)));
  }
  Workspace(float* memory, int64_t head_dim)
      : scores(memory),
        sums(memory + kQueryBlock * kScoreStride),
        ld_scores(kScoreStride),
        ld_sums(sum_stride(head_dim)) {}
};

// Up to kQueryBlock queries of one head, taken by `head`: out points at the first one's head.
template <class Head>
void attend(const Kernels& kernels, const AttentionShape& shape, Head& head, const Workspace& work, int64_t n_keys,
            int64_t n_queries, int64_t first_position, float* out, int64_t ldo) {
  const float factor = head.factor();
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
      const float sum = head.weights(row, key0, work.scores + row * work.ld_scores, seen_by(row), block, max);
      if (key0 != 0) {
        const auto correction = static_cast<float>(std::exp(static_cast<double>(row_max[row]) - max));
        if (correction != 1.0F) {
          float* sums = work.sums + row * work.ld_sums;
          kernels.scale(sums, correction, shape.head_dim, sums);
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
  const size_t work_floats = Workspace::floats(head_dim);
  float* const memory = scratch.resize(work_floats + Head::floats(kernels, span.n_keys, head_dim));
  const Workspace work(memory, head_dim);
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

auto attend_by(const AttentionShape& shape, const Kernels& kernels, int64_t n_keys) {
  const bool in_8_bits = shape.rounding == AttentionRounding::int8;
  if (in_8_bits && !shape.causal && n_keys >= kInt8AttentionKeys) return attend_head<Int8Head>;
  const bool in_bf16 = shape.rounding == AttentionRounding::bf16 || (in_8_bits && kernels.bf16.native);
  return in_bf16 ? attend_head<Bf16Head> : attend_head<F32Head>;
}

}  // namespace

void attention(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
               int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo) {
  const Rows rows = {q, ldq, k, v, ldkv, out, ldo};
  const auto n_kv_heads = static_cast<size_t>(shape.n_kv_heads);
  context.pool.for_each(spans.size() * n_kv_heads, [&](size_t task, int worker) {
    const AttentionSpan& span = spans[task / n_kv_heads];
    if (span.n_queries == 0) return;
    attend_by(shape, context.kernels, span.n_keys)(context.kernels, context.scratch[static_cast<size_t>(worker)], shape,
                                                   span, static_cast<int64_t>(task % n_kv_heads), rows);
  });
}

}  // namespace lode::kernels
