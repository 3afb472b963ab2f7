// Rotary position embedding: the angles of each position, as transformers computes them (in f32, so that long texts
// agree with the reference to the last bits). Grows on demand; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu.h"

namespace lode::model {

class Rotary {
 public:
  Rotary(int64_t head_dim, double theta);

  // Makes angles for positions [0, n).
  void reserve(int64_t n);

  // Rotates n_heads heads of one row [n_heads * head_dim] at `position`, which was reserved.
  void rotate(const kernels::Kernels& kernels, float* row, int64_t n_heads, int64_t position) const;

 private:
  int64_t head_dim_;
  int64_t n_positions_ = 0;
  std::vector<float> inverse_frequency_;  // [head_dim / 2]
  std::vector<float> cosine_;             // [n_positions, head_dim / 2]
  std::vector<float> sine_;
};

}  // namespace lode::model
