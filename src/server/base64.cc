#include "server/base64.h"

#include <array>
#include <cstdint>

namespace lode::server {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 64;

constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> out{};
  out.fill(kNoDigit);
  for (size_t i = 0; i < kAlphabet.size(); ++i) out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return out;
}();

}  // namespace

void append_base64(std::string& out, std::span<const std::byte> bytes) {
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

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t n_padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const size_t n_digits = text.size() - n_padding;
  std::vector<std::byte> out(text.size() / 4 * 3 - n_padding);
  size_t n = 0;
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t group = 0;
    for (size_t k = i; k < i + 4; ++k) {
      const uint8_t digit = k < n_digits ? kDigits[static_cast<unsigned char>(text[k])] : 0;
      if (digit == kNoDigit) return std::nullopt;
      group = group << 6 | digit;
    }
    for (int shift = 16; shift >= 0 && n < out.size(); shift -= 8) out[n++] = static_cast<std::byte>(group >> shift);
  }
  return out;
}

}  // namespace lode::server
