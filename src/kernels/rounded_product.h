// The product of rows that RoundedWeight::round_rows left with a weight's panels, cut into tasks. Internal to
// RoundedWeight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/buffer.h"
#include "kernels/cpu.h"
#include "kernels/packed_matrix.h"
#include "kernels/tiling.h"

namespace lode::kernels {

// kInt8Columns columns of the product, or fewer.
struct RoundedPanel {
  const std::byte* data;
  const float* scales;
  int64_t column;  // the first
  int n_columns;
};

// Rows that were rounded for a weight, group by group.
struct RoundedRows {
  int64_t n;
  const std::byte* data;  // [n, row_bytes]
  int64_t row_bytes;
  const float* scales;  // [n, n_groups]
};

// Bytes of a rounded row in front of group g, which starts at element k0.
inline int64_t rounded_offset(const Int8Kernels& int8, int64_t k0, int64_t g) {
  return k0 * int8.element_bytes + g * int8.head_bytes;
}

class RoundedProduct {
 public:
  // C [rows.n, columns of the panels, or half of them if gated] (row stride ldc) = epilogue(rows times panels), of a
  // weight of `shape`'s k, packing and groups. Everything must outlive the product.
  RoundedProduct(const Kernels& kernels, const PackedMatrix& shape, std::span<const RoundedPanel> panels,
                 const RoundedRows& rows, const Epilogue& epilogue, float* c, int64_t ldc, int n_threads);

  [[nodiscard]] size_t n_tasks() const { return tasks_.size(); }
  // Tasks run side by side, each with scratch memory of its own.
  void run(size_t task, Buffer<float>& scratch) const;

 private:
  class Run;

  const Kernels& kernels_;
  const PackedMatrix& shape_;
  std::span<const RoundedPanel> panels_;
  RoundedRows rows_;
  Epilogue epilogue_;
  float* c_;
  int64_t ldc_;
  int64_t group_;     // depth of a group, but for the last
  int64_t together_;  // groups that a tile runs over before the next tile
  Tasks tasks_;
};

}  // namespace lode::kernels
