#include "server/base64.h"

#include <cstdint>
#include <string_view>

namespace lode::server {

void append_base64(std::string& out, std::span<const std::byte> bytes) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + start;
  const auto byte = [&](size_t i) { return std::to_integer<uint32_t>(bytes[i]); };
  const size_t whole = bytes.size() / 3 * 3;
  for (size_t i = 0; i < whole; i += 3) {
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    to[0] = kAlphabet[group >> 18];
    to[1] = kAlphabet[group >> 12 & 63];
    to[2] = kAlphabet[group >> 6 & 63];
    to[3] = kAlphabet[group & 63];
    to += 4;
  }
  for (size_t i = whole; i < bytes.size(); i += 3) {
    const size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
    uint32_t group = 0;
    for (size_t k = 0; k < n; ++k) group |= byte(i + k) << (16 - 8 * k);
    // n bytes fill n + 1 characters; the rest of the group stays padding.
    for (size_t k = 0; k <= n; ++k) to[k] = kAlphabet[group >> (18 - 6 * k) & 63];
    to += 4;
  }
}

}  // namespace lode::server
