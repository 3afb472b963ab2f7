#include "kernels/int4_codes.h"

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

}  // namespace

const Int4Code* int4_codes() {
  return kTable.data();
}

}  // namespace lode::kernels
