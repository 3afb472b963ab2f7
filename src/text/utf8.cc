#include "text/utf8.h"

#include <cstdint>
#include <cstring>

namespace lode::text::utf8 {
namespace {

// Looks at one character. n_bytes is its length where it is well-formed, else that of the maximal subpart (at least 1).
struct Look {
  bool valid;
  size_t n_bytes;
};

Look look(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return {true, 1};
  if (first < 0xC2 || first > 0xF4) return {false, 1};
  const size_t n_bytes = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte is where overlong forms, surrogates and values beyond U+10FFFF show.
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return {false, 1};
  for (size_t i = 2; i < n_bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {false, i};
  }
  return {true, n_bytes};
}

}  // namespace

void append(char32_t scalar, std::string& out) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (scalar < 0x80) return put(scalar);
  if (scalar < 0x800) {
    put(0xC0 | scalar >> 6);
  } else {
    if (scalar < 0x10000) {
      put(0xE0 | scalar >> 12);
    } else {
      put(0xF0 | scalar >> 18);
      put(0x80 | (scalar >> 12 & 0x3F));
    }
    put(0x80 | (scalar >> 6 & 0x3F));
  }
  put(0x80 | (scalar & 0x3F));
}

size_t valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080U) == 0) {
        at += 8;
        continue;
      }
    }
    const Look seen = look(text, at);
    if (!seen.valid) return at;
    at += seen.n_bytes;
  }
  return at;
}

Repaired::Repaired(std::string_view text) : text_(text) {
  size_t good = valid_prefix(text);
  if (good == text.size()) return;
  copy_.reserve(text.size() + 16);
  while (!text.empty()) {
    copy_.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) break;
    append(kReplacement, copy_);
    text.remove_prefix(look(text, 0).n_bytes);
    good = valid_prefix(text);
  }
  text_ = copy_;
}

}  // namespace lode::text::utf8
