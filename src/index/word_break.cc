#include "index/word_break.h"

#include <array>
#include <cstdint>

#include "text/unicode.h"
#include "text/utf8.h"

namespace lode::index {
namespace {

// Word_Break classes, as far as the words of this house need them.
enum class Class : uint8_t {
  other,
  letter,
  digit,
  underscore,
  dot,
  letter_mid,
  digit_mid,
  extend,
  ideograph,
  katakana
};

constexpr std::array<Class, 128> make_ascii() {
  std::array<Class, 128> out{};
  for (size_t c = 0; c < 128; ++c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) out[c] = Class::letter;
    if (c >= '0' && c <= '9') out[c] = Class::digit;
  }
  out['_'] = Class::underscore;
  out['.'] = out['\''] = Class::dot;  // between letters and between digits
  out[':'] = Class::letter_mid;
  out[','] = out[';'] = Class::digit_mid;
  return out;
}
constexpr std::array<Class, 128> kAscii = make_ascii();

Class class_of(char32_t c) {
  if (c < 128) return kAscii[c];
  if (c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0xFE52 || c == 0xFF07 || c == 0xFF0E) return Class::dot;
  if (c == 0xB7 || c == 0x387 || c == 0x55F || c == 0x5F4 || c == 0x2027 || c == 0xFE13 || c == 0xFE55 || c == 0xFF1A) {
    return Class::letter_mid;
  }
  if (c == 0x37E || c == 0x589 || c == 0x60C || c == 0x60D || c == 0x66C || c == 0x2044 || c == 0xFF0C || c == 0xFF1B) {
    return Class::digit_mid;
  }
  if (c == 0x203F || c == 0x2040 || c == 0x2054 || c == 0xFF3F) return Class::underscore;
  if (c == 0xAD || c == 0x200D || c == 0x200C || c == 0xFEFF || (c >= 0x200E && c <= 0x200F)) return Class::extend;
  if ((c >= 0x30A1 && c <= 0x30FA) || (c >= 0x30FC && c <= 0x30FF) || (c >= 0xFF66 && c <= 0xFF9D))
    return Class::katakana;
  if (c >= 0x3041 && c <= 0x3096) return Class::ideograph;
  const uint16_t flags = text::unicode::flags(c);
  if ((flags & text::unicode::kCjk) != 0) return Class::ideograph;
  if ((flags & text::unicode::kMark) != 0) return Class::extend;
  if ((flags & text::unicode::kWord) == 0) return Class::other;
  if ((c >= 0x660 && c <= 0x669) || (c >= 0x6F0 && c <= 0x6F9) || (c >= 0x966 && c <= 0x96F) ||
      (c >= 0xFF10 && c <= 0xFF19)) {
    return Class::digit;
  }
  return Class::letter;
}

struct Char {
  Class what = Class::other;
  size_t end = 0;  // of the character and the marks on it
};

Char read(std::string_view text, size_t at) {
  if (at >= text.size()) return {Class::other, at};
  const auto scalar = text::utf8::scalar_at(text, at);
  Char out{class_of(scalar.value), at + scalar.n_bytes};
  // Marks belong to what they stand on (WB4).
  while (out.end < text.size() && static_cast<unsigned char>(text[out.end]) >= 0x80) {
    const auto next = text::utf8::scalar_at(text, out.end);
    if (class_of(next.value) != Class::extend) break;
    out.end += next.n_bytes;
  }
  return out;
}

bool starts(Class c) {
  return c == Class::letter || c == Class::digit || c == Class::underscore || c == Class::katakana;
}

// Whether two neighbours hold together without anything between them (WB5, 8, 9, 10, 13, 13a, 13b).
bool holds(Class a, Class b) {
  if (a == Class::underscore || b == Class::underscore) return starts(a) && starts(b);
  if (a == Class::katakana || b == Class::katakana) return a == b;
  return starts(a) && starts(b);
}

}  // namespace

std::string_view WordReader::next() {
  while (at_ < text_.size()) {
    const size_t begin = at_;
    Char last = read(text_, at_);
    at_ = last.end;
    if (last.what == Class::ideograph) return text_.substr(begin, at_ - begin);
    if (!starts(last.what)) continue;
    bool has_word = last.what != Class::underscore;
    while (at_ < text_.size()) {
      const Char one = read(text_, at_);
      Char taken = one;
      if (!holds(last.what, one.what)) {
        // A mark between two letters or two digits (WB6, 7, 11, 12).
        const bool between_letters =
            last.what == Class::letter && (one.what == Class::dot || one.what == Class::letter_mid);
        const bool between_digits =
            last.what == Class::digit && (one.what == Class::dot || one.what == Class::digit_mid);
        if (!between_letters && !between_digits) break;
        taken = read(text_, one.end);
        if (taken.what != last.what) break;
      }
      if (taken.end - begin > kMaxBytes) break;
      has_word = has_word || taken.what != Class::underscore;
      last = taken;
      at_ = taken.end;
    }
    if (has_word) return text_.substr(begin, at_ - begin);
  }
  return {};
}

}  // namespace lode::index
