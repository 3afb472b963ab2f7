#include "model/rotary.h"

#include <cmath>

namespace lode::model {

Rotary::Rotary(int64_t head_dim, double theta) : head_dim_(head_dim) {
  // inv_freq = 1 / theta^(2i / head_dim), each step rounded to f32.
  for (int64_t i = 0; i < head_dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(head_dim);
    inverse_frequency_.push_back(1.0F / static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
  }
}

void Rotary::reserve(int64_t n) {
  if (n <= n_positions_) return;
  for (int64_t position = n_positions_; position < n; ++position) {
    for (const float frequency : inverse_frequency_) {
      const float angle = static_cast<float>(position) * frequency;
      cosine_.push_back(static_cast<float>(std::cos(static_cast<double>(angle))));
      sine_.push_back(static_cast<float>(std::sin(static_cast<double>(angle))));
    }
  }
  n_positions_ = n;
}

void Rotary::rotate(const kernels::Kernels& kernels, float* row, int64_t n_heads, int64_t position) const {
  const int64_t half = head_dim_ / 2;
  const float* cosine = cosine_.data() + position * half;
  const float* sine = sine_.data() + position * half;
  for (int64_t head = 0; head < n_heads; ++head) kernels.rotate_half(row + head * head_dim_, cosine, sine, half);
}

}  // namespace lode::model
