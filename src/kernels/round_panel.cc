#include "kernels/round_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace lode::kernels {
namespace {

// One group's scale, and its integers.
float round_group(const Kernels& kernels, const PackedMatrix& matrix, const float* row, int64_t k0, int16_t* rounded) {
  return kernels.int8.round_row(row + k0, std::min(matrix.group, matrix.k - k0), rounded);
}

void round_to_8_bits(const Kernels& kernels, const PackedMatrix& matrix, const float* row, int64_t column,
                     std::byte* panel, float* scales, int16_t* rounded) {
  auto* const out = reinterpret_cast<int8_t*>(panel);
  for (int64_t g = 0; g < matrix.n_groups(); ++g) {
    const int64_t k0 = g * matrix.group;
    scales[g * kInt8Columns + column] = round_group(kernels, matrix, row, k0, rounded + k0);
  }
  for (int64_t i = 0; i < matrix.k; ++i) {
    out[(i / kInt8Step * kInt8Columns + column) * kInt8Step + i % kInt8Step] = static_cast<int8_t>(rounded[i]);
  }
}

// The row in steps of 8-bit weights: what the 4 bits are measured in.
void scale_to_steps(const Kernels& kernels, const PackedMatrix& matrix, float* row, int64_t column, float* scales,
                    int16_t* rounded) {
  for (int64_t g = 0; g < matrix.n_groups(); ++g) {
    const int64_t k0 = g * matrix.group;
    const float scale = round_group(kernels, matrix, row, k0, rounded);
    scales[g * kInt8Columns + column] = scale;
    const int64_t end = std::min(k0 + matrix.group, matrix.k);
    if (!(scale > 0)) {
      std::fill(row + k0, row + end, 0.0F);
      continue;
    }
    const float inverse = 1.0F / scale;
    for (int64_t i = k0; i < end; ++i) row[i] *= inverse;
  }
}

}  // namespace

int64_t round_panel_scratch(const PackedMatrix& matrix) {
  return std::max<int64_t>((matrix.k + 1) / 2, kInt4Group * kInt8Columns);
}

void round_panel(const Kernels& kernels, const PackedMatrix& matrix, float* rows, int64_t stride, int64_t n_rows,
                 std::byte* panel, float* scales, float* scratch) {
  std::fill_n(scales, matrix.panel_scales(), 0.0F);
  auto* const rounded = reinterpret_cast<int16_t*>(scratch);
  if (matrix.packing.bits == Bits::eight) {
    std::memset(panel, 0, static_cast<size_t>(matrix.panel_bytes()));
    for (int64_t r = 0; r < n_rows; ++r) {
      round_to_8_bits(kernels, matrix, rows + r * stride, r, panel, scales, rounded);
    }
    return;
  }
  for (int64_t r = 0; r < n_rows; ++r) scale_to_steps(kernels, matrix, rows + r * stride, r, scales, rounded);
  for (int64_t k0 = 0; k0 < matrix.k; k0 += kInt4Group) {
    std::fill_n(scratch, kInt4Group * kInt8Columns, 0.0F);
    const int64_t n = std::min<int64_t>(kInt4Group, matrix.k - k0);
    for (int64_t r = 0; r < n_rows; ++r) {
      const float* const row = rows + r * stride + k0;
      for (int64_t i = 0; i < n; ++i) scratch[i * kInt8Columns + r] = row[i];
    }
    kernels.int4.round_block(scratch, panel + matrix.offset(k0));
  }
}

void RotationTrial::add(const Kernels& kernels, float* row, int64_t k) {
  for (const bool rotate : {false, true}) {
    const PackedMatrix matrix{.packing = {Bits::four, rotate}, .n = 1, .k = k};
    if (rotate) kernels.int8.rotate(row, k, row);
    std::vector<float> copy(row, row + k);
    std::vector<std::byte> panel(static_cast<size_t>(matrix.panel_bytes()));
    std::vector<float> scales(static_cast<size_t>(matrix.panel_scales()));
    std::vector<float> scratch(static_cast<size_t>(round_panel_scratch(matrix)));
    round_panel(kernels, matrix, copy.data(), k, 1, panel.data(), scales.data(), scratch.data());
    std::vector<int8_t> steps(static_cast<size_t>(matrix.depth() * kInt8Columns));
    kernels.int4.unpack(panel.data(), matrix.depth() / kInt4Group, steps.data());
    double& sum = rotate ? rotated : plain;
    for (int64_t i = 0; i < k; ++i) {
      const auto step =
          static_cast<float>(steps[static_cast<size_t>(i / kInt8Step * kInt8Step * kInt8Columns + i % kInt8Step)]);
      const auto error =
          static_cast<double>(row[i] - step * scales[static_cast<size_t>(i / matrix.group * kInt8Columns)]);
      if (std::isfinite(error)) sum += error * error;
    }
  }
}

}  // namespace lode::kernels
