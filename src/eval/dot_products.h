// All dot products between the rows of two matrices in double precision, where f32 products (kernels/gemm.h) are too
// coarse for an optimiser. One thread; a result depends on its two rows alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lode::eval {

// Row-major; rows begin on full vectors and end in zeros.
class DoubleMatrix {
 public:
  DoubleMatrix() = default;
  DoubleMatrix(int64_t n_rows, int64_t n_columns)
      : n_rows_(n_rows),
        n_columns_(n_columns),
        stride_((n_columns + kLanes - 1) / kLanes * kLanes),
        values_(static_cast<size_t>(n_rows * stride_)) {}

  [[nodiscard]] int64_t n_rows() const { return n_rows_; }
  [[nodiscard]] int64_t n_columns() const { return n_columns_; }
  [[nodiscard]] int64_t stride() const { return stride_; }
  [[nodiscard]] double* row(int64_t i) { return values_.data() + i * stride_; }
  [[nodiscard]] const double* row(int64_t i) const { return values_.data() + i * stride_; }

 private:
  static constexpr int64_t kLanes = 2;
  int64_t n_rows_ = 0;
  int64_t n_columns_ = 0;
  int64_t stride_ = 0;
  std::vector<double> values_;
};

// out [a.n_rows(), b.n_rows()] = a b^T; both of the same number of columns, out of the right shape.
void dot_products(const DoubleMatrix& a, const DoubleMatrix& b, DoubleMatrix& out);

}  // namespace lode::eval
