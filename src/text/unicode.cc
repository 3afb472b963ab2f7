#include "text/unicode.h"

#include <algorithm>
#include <memory>
#include <span>

#include "text/unicode_data.h"

namespace lode::text::unicode {
namespace {

// Hangul syllables in the arithmetic of the Unicode standard, section 3.12.
constexpr char32_t kSyllable = 0xAC00, kLead = 0x1100, kVowel = 0x1161, kTail = 0x11A7;
constexpr char32_t kVowels = 21, kTails = 28, kSyllables = 19 * kVowels * kTails;

std::u32string_view mapped(std::span<const Mapping> table, const char32_t* pool, char32_t c) {
  const auto* const found = std::to_address(std::ranges::lower_bound(table, c, {}, &Mapping::from));
  if (found == table.data() + table.size() || found->from != c) return {};
  return {pool + found->first, found->n};
}

}  // namespace

uint16_t flags(char32_t c) {
  const char kind = kBlocks[kBlockOf[c / kBlockSize]][c % kBlockSize];
  return kKindFlags[static_cast<size_t>(kind - 'A')];
}

std::u32string_view decomposition(char32_t c, char32_t (&hangul)[3]) {
  if (c >= kSyllable && c < kSyllable + kSyllables) {
    const char32_t index = c - kSyllable, tail = index % kTails;
    hangul[0] = kLead + index / (kVowels * kTails);
    hangul[1] = kVowel + index % (kVowels * kTails) / kTails;
    hangul[2] = kTail + tail;
    return {hangul, tail == 0 ? size_t{2} : size_t{3}};
  }
  return mapped(kDecompositions, kDecompositionsText.data(), c);
}

std::u32string_view lower_case(char32_t c) {
  return mapped(kLowercase, kLowercaseText.data(), c);
}

uint8_t combining_class(char32_t c) {
  const auto* const found = std::ranges::lower_bound(kCombiningClasses, c, {}, &ClassRange::last);
  return found == kCombiningClasses.end() || c < found->first ? uint8_t{0} : found->combining_class;
}

}  // namespace lode::text::unicode
