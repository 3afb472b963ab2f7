// A head of attention (attention_head.h) with queries, keys, values and weights rounded to BF16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention_head.h"
#include "kernels/cpu.h"

namespace lode::kernels {

class Bf16Head {
 public:
  // Of memory for one.
  static size_t floats(const Kernels& kernels, int64_t n_keys, int64_t head_dim);

  // k, v: [n_keys, head_dim] (row stride ldkv).
  Bf16Head(const Kernels& kernels, float* memory, const float* k, const float* v, int64_t ldkv, int64_t n_keys,
           int64_t head_dim);

  void take_queries(const float* q, int64_t ldq, int64_t n_queries);
  void score(int64_t key0, int64_t n_block, float* scores, int64_t ld_scores) const;
  [[nodiscard]] float factor() const { return factor_; }
  float weights(int64_t query, int64_t key0, float* scores, int64_t seen, int64_t n_block, float shift);
  void weigh(int64_t key0, int64_t n_block, const float* scores, int64_t ld_scores, float* sums, int64_t ld_sums) const;

 private:
  const Kernels& kernels_;
  int64_t width_;
  int64_t n_keys_;  // even
  int64_t head_dim_;
  float factor_;
  uint16_t* keys_;      // [ceil(n_keys / width)] panels of depth head_dim
  uint16_t* values_;    // [ceil(head_dim / width)] panels of depth n_keys
  std::byte* queries_;  // [kQueryBlock, query_bytes]
  std::byte* weights_;  // [kQueryBlock, weight_bytes]
  int64_t query_bytes_;
  int64_t weight_bytes_;
  int64_t n_queries_ = 0;
};

}  // namespace lode::kernels
