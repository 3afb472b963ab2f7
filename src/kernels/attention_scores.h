// Queries and keys of one head of one sequence, rounded, and their products: the scores that attention's softmax takes.
// Internal to attention().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"
#include "kernels/tiling.h"

namespace lode::kernels {

// Queries that are scored at once, a whole number of f32's tiles on every path.
inline constexpr int64_t kQueryBlock = 48;

// Bytes of the BF16 panels of a matrix [n, depth], whole cache lines, and of a row that is multiplied with them.
inline int64_t bf16_panel_bytes(const Kernels& kernels, int64_t n, int64_t depth) {
  return ceil_div(n, kernels.panel_width) * kernels.panel_width * even(depth) * static_cast<int64_t>(sizeof(uint16_t));
}
inline int64_t bf16_row_bytes(const Kernels& kernels, int64_t n) {
  return padded_bytes(even(n) * kernels.bf16.element_bytes);
}

// body(first key, where the keys of its panel lie) for each panel of keys [n_keys] (row stride ldk).
template <class Body>
void for_key_panels(const Kernels& kernels, const float* k, int64_t ldk, int64_t n_keys, Body body) {
  const std::byte* rows[kMostPanelWidth];
  for (int64_t first = 0; first < n_keys; first += kernels.panel_width) {
    const int n = static_cast<int>(std::min<int64_t>(kernels.panel_width, n_keys - first));
    for (int i = 0; i < n; ++i) rows[i] = reinterpret_cast<const std::byte*>(k + (first + i) * ldk);
    body(first, PanelSource{rows, n, DType::f32});
  }
}

// Rounded to BF16.
class Bf16Scores {
 public:
  // Of memory for one, whole cache lines.
  static int64_t bytes(const Kernels& kernels, int64_t n_keys, int64_t head_dim);

  // k: [n_keys, head_dim] (row stride ldk).
  Bf16Scores(const Kernels& kernels, std::byte* memory, const float* k, int64_t ldk, int64_t n_keys, int64_t head_dim);

  // q: [n_queries <= kQueryBlock, head_dim] (row stride ldq).
  void take_queries(const float* q, int64_t ldq, int64_t n_queries);

  // scores [n_queries, n_block] (row stride ld_scores, room for whole panels) = queries times keys key0 and on; key0 is
  // a multiple of the panel width.
  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const;

 private:
  const Kernels& kernels_;
  int64_t head_dim_;
  uint16_t* keys_;      // [ceil(n_keys / panel_width)] panels of depth head_dim
  std::byte* queries_;  // [kQueryBlock, query_bytes]
  int64_t query_bytes_;
  int64_t n_queries_ = 0;
};

// Rounded to 8 bits, a scale a query and a key (Int8Kernels::round_input); products are exact but for that. Members are
// as those of Bf16Scores.
class Int8Scores {
 public:
  static int64_t bytes(const Kernels& kernels, int64_t n_keys, int64_t head_dim);
  Int8Scores(const Kernels& kernels, std::byte* memory, const float* k, int64_t ldk, int64_t n_keys, int64_t head_dim);
  void take_queries(const float* q, int64_t ldq, int64_t n_queries);
  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const;

 private:
  // Rounds kInt8Columns keys or fewer into a panel, by way of a row of queries.
  void pack_keys(const float* k, int64_t ldk, int64_t n, int8_t* panel, float* scales);

  const Kernels& kernels_;
  int64_t head_dim_;
  int64_t depth_;       // head_dim to a multiple of kInt8Step
  int8_t* keys_;        // [ceil(n_keys / kInt8Columns)] panels
  std::byte* queries_;  // [kQueryBlock, query_bytes]
  int64_t query_bytes_;
  float* key_scales_;    // of whole panels; 0 for what is padding
  float* query_scales_;  // [kQueryBlock]
  int64_t n_queries_ = 0;
};

}  // namespace lode::kernels
