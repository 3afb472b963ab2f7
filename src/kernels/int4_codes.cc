#include "kernels/int4_codes.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lode::kernels {
namespace {

constexpr std::array<Int4Code, kInt4Codes> kTable = [] {
  std::array<Int4Code, kInt4Codes> table{};
  for (int code = 0; code < kInt4Codes; ++code) {
    const int step = kInt4Steps[code % 16];
    const int tenths = 94 - 3 * (code / 16);  // from the lowest number to zero
    const int units = 10 * kInt4Unit;
    table[static_cast<size_t>(code)] = {static_cast<int8_t>(step),
                                        static_cast<int8_t>(-(tenths * step + units / 2) / units)};
  }
  return table;
}();

constexpr std::array<Int4Values, kInt4Codes> kValues = [] {
  std::array<Int4Values, kInt4Codes> values{};
  for (size_t code = 0; code < values.size(); ++code) {
    for (int number = 0; number < 16; ++number) {
      const int value = (number * kTable[code].step + kInt4Unit * kTable[code].offset) >> 2;
      values[code].of_number[number] = static_cast<int8_t>(std::clamp(value, -128, 127));
    }
  }
  return values;
}();

}  // namespace

const Int4Code* int4_codes() {
  return kTable.data();
}

const Int4Values* int4_values() {
  return kValues.data();
}

}  // namespace lode::kernels
