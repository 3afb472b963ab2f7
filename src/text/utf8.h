// UTF-8 to scalars and back. The rest of the room works on valid UTF-8 only: Repaired makes it so at the door.
// Stateless: any thread may call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lode::text::utf8 {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Scalar {
  char32_t value;
  size_t n_bytes;
};

// The scalar that starts at text[at]; `text` is valid UTF-8 and `at` the start of a character.
inline Scalar scalar_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The scalar that ends just before text[end]; end > 0.
inline Scalar scalar_before(std::string_view text, size_t end) {
  size_t at = end - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return scalar_at(text, at);
}

void append(char32_t scalar, std::string& out);

// How many leading bytes of `text` are valid UTF-8.
size_t valid_prefix(std::string_view text);
inline bool is_valid(std::string_view text) {
  return valid_prefix(text) == text.size();
}

// `text` itself where it is valid UTF-8; else a copy in which U+FFFD stands for each maximal subpart of an ill-formed
// sequence, as Python's errors="replace" and browsers do. The view lives as long as this and the text.
class Repaired {
 public:
  explicit Repaired(std::string_view text);
  Repaired(const Repaired&) = delete;
  Repaired& operator=(const Repaired&) = delete;
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string copy_;
  std::string_view text_;
};

}  // namespace lode::text::utf8
