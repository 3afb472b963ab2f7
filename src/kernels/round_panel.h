// Rows of f32 rounded into a panel of a PackedMatrix. Pure; any thread, each with its own scratch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"
#include "kernels/packed_matrix.h"

namespace lode::kernels {

// Floats of scratch that round_panel() wants.
int64_t round_panel_scratch(const PackedMatrix& matrix);

// The rows [n_rows <= kInt8Columns, matrix.k] (row stride `stride`, overwritten), rotated already where the packing
// says so, into a panel [matrix.panel_bytes()] and its scales [matrix.panel_scales()]. A group that is not finite gets
// NaN for a scale.
void round_panel(const Kernels& kernels, const PackedMatrix& matrix, float* rows, int64_t stride, int64_t n_rows,
                 std::byte* panel, float* scales, float* scratch);

// Whether rounding rows [n_rows, k] to 4 bits loses less after rotation. It does, for trained weights, whose values
// crowd around zero and have outliers. It does not where they spread evenly, as a uniform initialisation leaves them:
// mixing them makes a normal distribution, which sixteen levels meet less well. Rotation wins unless it is a quarter
// worse, since it is what keeps the other matrix' outliers harmless. The rows are overwritten.
struct RotationTrial {
  double plain = 0;  // sums of squared errors
  double rotated = 0;
  void add(const Kernels& kernels, float* row, int64_t k);
  [[nodiscard]] bool rotation_pays() const { return rotated <= 1.25 * plain; }
};

}  // namespace lode::kernels
