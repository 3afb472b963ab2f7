// A weight in 8 or 4 bits (PackedMatrix): rows rotated (Int8Kernels::rotate) where the packing says so, one scale a
// group of a row, and in 4 bits a code every kInt4Group elements. A product rounds the rows of the other
// matrix to 8 bits in the same way, sums a group exactly in integers and adds the groups, scaled, in order: each
// element is a fixed function of its own row, the same bits on every path and for any number of threads. 4-bit panels
// are unpacked to 8 bits as they are used.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/context.h"
#include "kernels/packed_matrix.h"
#include "kernels/rounded_product.h"
#include "kernels/row_source.h"

namespace lode::kernels {

// Rows of a matrix [n, k] that lies transposed, f32 [k, n].
RowReader row_of_transposed(const float* transposed, int64_t n, int64_t k);

class RoundedWeight {
 public:
  RoundedWeight() = default;
  // A matrix of that shape, its data aside. A row that is not finite makes every product with it NaN.
  static RoundedWeight round(Context& context, const PackedMatrix& shape, const RowReader& read_row);
  // Matrices of equal k, packing and groups, stacked, where they lie; their memory must outlive the weight.
  static RoundedWeight in_place(std::span<const PackedMatrix> parts);
  // Two of equal shape, their panels in turn, for gated products.
  static RoundedWeight in_turn(const PackedMatrix& gate, const PackedMatrix& up);

  [[nodiscard]] int64_t n() const { return n_; }
  [[nodiscard]] int64_t k() const { return shape_.k; }
  [[nodiscard]] bool empty() const { return n_ == 0; }
  [[nodiscard]] size_t owned_bytes() const { return memory_.size(); }
  // Of one that was rounded here, as it lies in memory.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {memory_.data(), memory_.size()}; }

  // The rows A [m, k()], rounded as multiply() wants them, into the context: for all weights that share them
  // (shares_rows_with), until something else is rounded there.
  void round_rows(Context& context, const RowSource& a, int64_t m) const;
  // C [m, n()] (row stride ldc) = epilogue(A W^T), as gemm(), of the rows that the context holds.
  void multiply(Context& context, int64_t m, float* c, int64_t ldc, const Epilogue& epilogue) const;
  // Whether both take the same rounded rows.
  [[nodiscard]] bool shares_rows_with(const RoundedWeight& other) const {
    return k() == other.k() && shape_.packing.rotated == other.shape_.packing.rotated &&
           shape_.depth() == other.shape_.depth() && shape_.group == other.shape_.group;
  }

 private:
  void add_panels(const PackedMatrix& matrix);
  // Bytes from one rounded row to the next.
  [[nodiscard]] int64_t row_bytes(const Int8Kernels& int8) const;

  int64_t n_ = 0;
  PackedMatrix shape_;  // k, packing and groups of all parts
  std::vector<RoundedPanel> panels_;
  Buffer<std::byte> memory_;  // of round()
};

}  // namespace lode::kernels
