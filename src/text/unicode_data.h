// The observed Unicode tables, written by tools/make_unicode_data.py into unicode_data.cc. Only unicode.cc reads them.
// Constant data: any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lode::text::unicode {

// text of one code point: n entries of a pool from `first` on.
struct Mapping {
  char32_t from;
  uint16_t first;
  uint16_t n;
};

struct ClassRange {
  char32_t first;
  char32_t last;
  uint8_t combining_class;
};

inline constexpr size_t kBlockSize = 256;

// A code point's flags: kKindFlags[kBlocks[kBlockOf[c / kBlockSize]][c % kBlockSize] - 'A'].
extern const std::array<uint16_t, 21> kKindFlags;
extern const std::array<const char*, 147> kBlocks;
extern const std::array<uint8_t, 0x110000 / kBlockSize> kBlockOf;

// Sorted by code point. Decompositions are canonical and complete; Hangul syllables are arithmetic and not among them.
extern const std::array<Mapping, 2060> kDecompositions;
extern const std::array<char32_t, 3404> kDecompositionsText;
extern const std::array<Mapping, 1488> kLowercase;
extern const std::array<char32_t, 1489> kLowercaseText;
extern const std::array<ClassRange, 334> kCombiningClasses;

}  // namespace lode::text::unicode
