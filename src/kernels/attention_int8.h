// A head of attention (attention_head.h) in 8 bits: queries, keys and values rounded with a scale each
// (Int8Kernels::round_input), weights to 255 steps (Int8Kernels::weights); products are exact but for that.
//
// The scale of a value is part of its weight before that is rounded: a softmax often gives most to tokens whose values
// are next to nothing, beside which the weights of all others would vanish. So scores have the logarithm of that scale
// added, and the sum of a query's weights is of their quotients with it.
//
// Weights below half a step are nothing, and together may be most of what there is: a long text has thousands. What
// rounding leaves out of a block's weights counts for the mean of its values: behind each block of keys are two more,
// whose values are that mean and its negative. That would tell a query of keys that it does not see: not for causal
// attention.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/attention_head.h"
#include "kernels/cpu.h"

namespace lode::kernels {

class Int8Head {
 public:
  using ColumnScales = std::array<float, kInt8Columns>;

  // Of memory for one.
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim);

  // k, v: [n_keys, head_dim] (row stride ldkv).
  Int8Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
           int64_t head_dim);

  void take_queries(const float* q, int64_t ldq, int64_t n_queries);
  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const;
  [[nodiscard]] static float factor() { return 1.0F; }  // the queries' scales have it
  float weights(int64_t query, int64_t key0, const float* scores, int64_t seen, int64_t n_block, float shift);
  void weigh(int64_t key0, int64_t n_block, const float* scores, int64_t ld_scores, float* sums, int64_t ld_sums) const;

 private:
  struct Layout;

  Int8Head(const Kernels& kernels, const Layout& layout, std::byte* memory, int64_t head_dim);
  // Up to kInt8Columns keys, rounded into a panel, by way of a row of queries.
  void pack_keys(const float* k, int64_t ldk, int64_t n, int8_t* panel, float* scales);
  // sums [n_rows, columns of the panels] = or += rows of weights [n_rows, depth] times values key0 and on, times a
  // scale a column.
  void weigh_by(int64_t n_rows, int64_t key0, int64_t depth, const ColumnScales& scales, bool accumulate, float* sums,
                int64_t ld_sums) const;
  // The mean of each block of values behind it.
  void append_means(int64_t n_keys);
  // Values of up to kInt8Step keys, rounded into the panels of all channels, by way of rows of queries.
  void pack_values(const float* v, int64_t ldv, int64_t key, int64_t n);

  const Kernels& kernels_;
  int64_t head_dim_;
  int64_t depth_;         // head_dim to a multiple of kInt8Step
  int64_t query_bytes_;   // of a row
  int64_t weight_bytes_;  // of a row
  int64_t value_bytes_;   // of a panel
  int8_t* keys_;          // [ceil(n_keys / kInt8Columns)] panels of depth depth_
  int8_t* values_;        // [ceil(head_dim / kInt8Columns)] panels of keys, a step behind each block
  std::byte* queries_;    // [kQueryBlock, query_bytes]
  std::byte* weights_;    // [kQueryBlock, weight_bytes]
  float* query_scales_;   // [kQueryBlock], times the softmax' factor
  float* key_scales_;     // of whole panels, 0 for what is padding; the next two alike
  float* value_logs_;     // the logarithm of each value's scale
  float* value_factors_;  // its inverse
  float* means_;          // [columns of the panels], of the block at hand
  int64_t n_queries_ = 0;
};

}  // namespace lode::kernels
