// What the 4 bits of a weight stand for. Groups of kInt4Group elements of a row share a code of one byte, which names a
// step and an offset: the number n, 0 to 15, is (n * step + kInt4Unit * offset) >> 2, an integer that is multiplied as
// an 8-bit weight is. Sixteen steps times sixteen offsets: one step for wide groups, smaller ones for the others, and
// places for a group that lies unevenly around zero. The table belongs to the file format (docs/formats.md): it never
// changes. Pure; any thread.
#pragma once

#include <cstdint>

namespace lode::kernels {

inline constexpr int kInt4Group = 32;
inline constexpr int kInt4Codes = 256;
inline constexpr int kInt4Unit = 8;
// Of code c, step c % 16: quarters of an 8-bit weight's step. The first covers all of them: 15 * 68 / 4 = 255.
inline constexpr int kInt4Steps[16] = {68, 63, 59, 55, 51, 47, 44, 41, 38, 35, 33, 31, 28, 19, 12, 8};

struct Int4Code {
  int8_t step;
  int8_t offset;
};

// [kInt4Codes]. Offset c / 16 moves the middle of the sixteen numbers from 0.5 - 2.4 steps to 0.5 + 2.1 steps, by 0.3:
// -(7.5 - 0.5 - 0.3 (c / 16 - 8)) steps, to the nearest unit.
const Int4Code* int4_codes();

// What the sixteen numbers of a code stand for.
struct Int4Values {
  alignas(16) int8_t of_number[16];
};

// [kInt4Codes]
const Int4Values* int4_values();

}  // namespace lode::kernels
