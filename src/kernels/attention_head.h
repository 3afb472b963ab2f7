// What the heads of attention share, whatever their arithmetic. Internal to attention().
//
// A head has the keys and values of one key/value head of one sequence. attend() of attention.cc says what it calls:
//   take_queries(q, ldq, n_queries)        q: [n_queries <= kQueryBlock, head_dim] (row stride ldq)
//   score(key0, n_block, scores, ld)       scores [n_queries, n_block <= kKeyBlock] = queries times keys key0 and on
//   factor()                               what scores are multiplied by before the softmax
//   weights(query, key0, scores, seen, n_block, shift)
//                                          of a query's scores [n_block] with keys key0 and on, of which it sees the
//                                          first `seen`: weights, exp(score * factor() - shift), kept here or in
//                                          place; returns their sum
//   weigh(key0, n_block, scores, ld, sums, ld_sums)
//                                          sums [n_queries, head_dim] = weights times values key0 and on, added to what
//                                          is there where key0 is not 0
// key0 is a multiple of kKeyBlock; scores and sums have room for whole panels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// Queries that are scored at once, a whole number of f32's tiles on every path.
inline constexpr int64_t kQueryBlock = 48;
// Keys of one tile of scores: with kQueryBlock queries they stay near L1.
inline constexpr int64_t kKeyBlock = 256;

inline float score_factor(int64_t head_dim) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
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

}  // namespace lode::kernels
