// A weight in 8 bits: rows rotated (Int8Kernels::rotate), one scale a group of a row (int8_group). Its product rounds
// the rows of the other matrix in the same way, sums a group exactly in integers and adds the groups, scaled, in order:
// each element is a fixed function of its own row, the same bits on every path and for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "kernels/buffer.h"
#include "kernels/context.h"

namespace lode::kernels {

class Int8Weight {
 public:
  Int8Weight() = default;
  // [n, k]. read_row(row, out) writes a row's k elements as f32 and is called from the pool's workers. A row that is
  // not finite makes every product with it NaN.
  static Int8Weight quantize(Context& context, int64_t n, int64_t k,
                             const std::function<void(int64_t row, float* out)>& read_row);

  [[nodiscard]] int64_t n() const { return n_; }
  [[nodiscard]] int64_t k() const { return k_; }
  [[nodiscard]] bool empty() const { return n_ == 0; }
  [[nodiscard]] size_t bytes() const { return panels_.size() + scales_.size() * sizeof(float); }

  // C [m, n()] (row stride ldc) = epilogue(A [m, k()] (row stride lda) W^T), as gemm().
  void multiply(Context& context, const float* a, int64_t lda, int64_t m, float* c, int64_t ldc,
                const Epilogue& epilogue) const;

 private:
  int64_t n_ = 0;
  int64_t k_ = 0;
  int64_t depth_ = 0;  // k_ to a multiple of kInt8Step; the elements behind k_ are zero
  int64_t group_ = 0;  // int8_group(k_)
  int64_t n_groups_ = 0;
  Buffer<int8_t> panels_;  // [ceil(n / kInt8Columns)][depth_ / kInt8Step][kInt8Columns][kInt8Step]
  Buffer<float> scales_;   // [ceil(n / kInt8Columns)][n_groups_][kInt8Columns]
};

}  // namespace lode::kernels
