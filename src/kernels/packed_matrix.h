// A matrix [n, k] of rounded weights as the kernels read it, in memory or in a mapped file (docs/formats.md): panels of
// kInt8Columns rows, then one f32 scale a row and group. The same bytes for every instruction set. Pure; any thread.
//
//   8 bits  a panel is [depth / kInt8Step][kInt8Columns][kInt8Step] of int8, depth being k to a multiple of kInt8Step
//   4 bits  a panel is [depth / kInt4Group] blocks of kInt4BlockBytes: the codes of its rows' groups [kInt8Columns],
//   then
//           [kInt4Group / kInt8Step][32] bytes. Byte i holds element i % kInt8Step of row i / kInt8Step in its lower
//           half, and that of the row eight further in its upper one
//   scales  [panels][groups][kInt8Columns], `group` elements a group; 0 for rows that are padding
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"
#include "kernels/int4_codes.h"

namespace lode::kernels {

enum class Bits : uint8_t { eight, four };

struct Packing {
  Bits bits = Bits::eight;
  bool rotated = true;  // rows were rotated (Int8Kernels::rotate), so the other matrix' rows must be too
  friend bool operator==(const Packing&, const Packing&) = default;
};

inline constexpr int64_t kInt4BlockBytes = kInt8Columns + kInt8Columns * kInt4Group / 2;

struct PackedMatrix {
  Packing packing;
  int64_t n = 0;
  int64_t k = 0;
  const std::byte* data = nullptr;  // [n_bytes()], 4-byte aligned
  // Elements of a row that share a scale, a multiple of kInt4Group and at most kInt8MostGroup.
  int64_t group = int8_group(k);

  [[nodiscard]] constexpr int64_t n_panels() const { return (n + kInt8Columns - 1) / kInt8Columns; }
  [[nodiscard]] constexpr int64_t n_groups() const { return (k + group - 1) / group; }
  // Elements of a row, the padding at its end among them.
  [[nodiscard]] constexpr int64_t depth() const {
    const int64_t unit = packing.bits == Bits::four ? kInt4Group : kInt8Step;
    return (k + unit - 1) / unit * unit;
  }
  // Bytes of a panel in front of element k0, a multiple of kInt4Group.
  [[nodiscard]] constexpr int64_t offset(int64_t k0) const {
    return packing.bits == Bits::four ? k0 / kInt4Group * kInt4BlockBytes : k0 * kInt8Columns;
  }
  [[nodiscard]] constexpr int64_t panel_bytes() const { return offset(depth()); }
  [[nodiscard]] constexpr int64_t panel_scales() const { return n_groups() * kInt8Columns; }
  [[nodiscard]] constexpr int64_t n_bytes() const {
    return n_panels() * (panel_bytes() + panel_scales() * static_cast<int64_t>(sizeof(float)));
  }

  [[nodiscard]] const std::byte* panel(int64_t index) const { return data + index * panel_bytes(); }
  [[nodiscard]] const float* scales(int64_t panel_index) const {
    return reinterpret_cast<const float*>(data + n_panels() * panel_bytes()) + panel_index * panel_scales();
  }
};

}  // namespace lode::kernels
