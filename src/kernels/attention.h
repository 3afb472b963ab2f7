// Softmax attention over packed sequences, one head at a time, tiled over queries and keys with a streaming softmax, so
// that memory grows with the length of a sequence and not with its square. Global (every key) or causal; no window. A
// query's result depends only on its own sequence: tiles start where the sequence starts.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"

namespace lode::kernels {

// With fewer keys, rounding them to 8 bits takes longer than its products save.
inline constexpr int64_t kInt8AttentionKeys = 128;

enum class AttentionRounding : uint8_t {
  none,  // f32
  // Both products with their factors rounded to BF16 (Bf16Kernels), the softmax between them in f32, close enough for
  // that (Bf16Kernels::exponentials).
  bf16,
  // Sequences of kInt8AttentionKeys or more, unless causal, have all four factors rounded to 8 bits (attention_int8.h);
  // others as `bf16` has them where that is native, else f32.
  int8,
};

struct AttentionShape {
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;  // divides n_heads; key/value head j serves query heads j * n_heads / n_kv_heads and on
  int64_t head_dim = 0;
  bool causal = false;  // a query at position p sees the keys at positions 0 .. p
  AttentionRounding rounding = AttentionRounding::none;
};

// Which rows of the packed buffers belong to one sequence.
struct AttentionSpan {
  int64_t first_key = 0;  // row of its first key and value
  int64_t n_keys = 0;
  int64_t first_query = 0;  // row of its first query and result
  int64_t n_queries = 0;    // its last n_queries positions: that of query i is n_keys - n_queries + i
};

// q, out: [.., n_heads * head_dim], row strides ldq, ldo; k, v: [.., n_kv_heads * head_dim], row stride ldkv both.
// Scores are scaled by 1 / sqrt(head_dim). out may be q.
void attention(Context& context, const AttentionShape& shape, std::span<const AttentionSpan> spans, const float* q,
               int64_t ldq, const float* k, const float* v, int64_t ldkv, float* out, int64_t ldo);

}  // namespace lode::kernels
