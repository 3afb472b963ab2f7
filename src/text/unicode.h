// What the published tokenizers know of a code point: classes, canonical decomposition, combining class, lower case.
// Not one version of Unicode but theirs (each of their parts follows another one); see tools/make_unicode_data.py.
// Constant data: any thread may call.
#pragma once

#include <cstdint>
#include <string_view>

namespace lode::text::unicode {

enum Flag : uint16_t {
  kDrop = 1,         // BERT's text cleaning takes it out: controls, formats, private use, U+FFFD, U+0000
  kSpace = 2,        // white space
  kCjk = 4,          // an ideograph that BERT makes a word of its own
  kPunctuation = 8,  // BERT makes a word of its own of it
  kMark = 16,        // a nonspacing mark, removed with the accents
  kDecomposes = 32,  // has a canonical decomposition
  kHasLower = 64,    // lower_case() is another text
  kWord = 128,       // \w of a regular expression
  kReorders = 256,   // its combining class is not 0
};

// A set of Flag. `c` is a Unicode scalar.
uint16_t flags(char32_t c);

// The full canonical decomposition of a scalar that has kDecomposes. `hangul` is room for that of a syllable.
std::u32string_view decomposition(char32_t c, char32_t (&hangul)[3]);

// Of a scalar with kHasLower: one or two scalars.
std::u32string_view lower_case(char32_t c);

// 0 for a scalar without kReorders.
uint8_t combining_class(char32_t c);

}  // namespace lode::text::unicode
