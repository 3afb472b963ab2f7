// A float as JSON text that reads back to the same float: the shortest such decimal, always with a fraction or an
// exponent
// ("1.0", "-0.0"), since a reader may take anything else for an integer, which has no negative zero.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace lode {

// Appends `value`, which must be finite.
inline void append_float(std::string& out, float value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view digits(buffer, static_cast<size_t>(end - buffer));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace lode
