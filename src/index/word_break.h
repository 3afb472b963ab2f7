// Words of a text as Unicode's word boundaries (UAX #29) and Lucene's StandardTokenizer cut them: letters and digits
// hold together; `.`, `'` and `:` between letters, `.`, `'`, `,` and `;` between digits, and `_` anywhere stay inside;
// an ideograph or a kana of hiragana is a word of its own; what has neither letter nor digit is none. Outside ASCII the
// classes come from text/unicode.h, which knows fewer of them than UAX #29 has. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace lode::index {

class WordReader {
 public:
  // Longer words are cut there, as Lucene does. Bytes, where Lucene counts UTF-16 units.
  static constexpr size_t kMaxBytes = 255;

  // `text` is valid UTF-8 and outlives the reader.
  explicit WordReader(std::string_view text) : text_(text) {}
  // The next word; empty at the end.
  std::string_view next();

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace lode::index
