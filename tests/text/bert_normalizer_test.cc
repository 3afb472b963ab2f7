#include "text/bert_normalizer.h"

#include <string>

#include <gtest/gtest.h>

#include "text/unicode.h"

namespace lode::text {
namespace {

std::string normal(std::string_view text, const BertNormalizerOptions& options = {}) {
  std::string out;
  BertNormalizer(options).normalize(text, out);
  return out;
}

constexpr BertNormalizerOptions kNothing = {false, false, false, false};

TEST(BertNormalizer, CleansControlsAndWhiteSpace) {
  EXPECT_EQ(normal("a\tb\nc\rd"), "a b c d");
  EXPECT_EQ(normal(std::string("a\0b\x01"
                               "c\x7F"
                               "d\x0B"
                               "e",
                               10)),
            "abcde");  // a vertical tab is a control first
  EXPECT_EQ(normal("a\u00A0b\u2003c\u3000d\u2028e"), "a b c d e");
  EXPECT_EQ(normal("a\u0085b\u200Bc\u00ADd\uFEFFe\uFFFDf\uE000g"), "abcdefg");
  BertNormalizerOptions no_cleaning;
  no_cleaning.clean_text = false;
  EXPECT_EQ(normal("a\t\x01\uFFFD", no_cleaning), "a\t\x01\uFFFD");
}

TEST(BertNormalizer, SetsIdeographsApart) {
  EXPECT_EQ(normal("a\u6771\u4EACb"), "a \u6771  \u4EAC b");
  EXPECT_EQ(normal("\U00020000"), " \U00020000 ");
  EXPECT_EQ(normal("\uF900"), " \u8C48 ");  // set apart, then decomposed
  EXPECT_EQ(normal("\u3042\uAC00"), "\u3042\u1100\u1161");
  EXPECT_EQ(normal("\u6771", kNothing), "\u6771");
}

TEST(BertNormalizer, StripsAccentsAndLowersCase) {
  EXPECT_EQ(normal("NA\u00CFVE Caf\u00E9 \u00C5"), "naive cafe a");
  EXPECT_EQ(normal("e\u0301"), "e");
  EXPECT_EQ(normal("\u0130\u03A3\u03C2"), "i\u03C3\u03C2");  // character by character: no final sigma
  BertNormalizerOptions keep;
  keep.strip_accents = false;
  EXPECT_EQ(normal("\u00C9\u0130", keep), "\u00E9i\u0307");
  BertNormalizerOptions cased;
  cased.lowercase = false;
  EXPECT_EQ(normal("\u00C9", cased), "\u00C9");  // accents go with the case unless told
  cased.strip_accents = true;
  EXPECT_EQ(normal("\u00C9", cased), "E");
}

TEST(BertNormalizer, PutsMarksIntoCanonicalOrder) {
  // U+302E is a spacing mark of class 224: it stays, and comes behind U+05B0 (class 10), which goes.
  EXPECT_EQ(normal("a\u302E\u05B0b"), "a\u302Eb");
  // Two that stay: musical stems of class 216, and a tone mark of class 224 before them.
  EXPECT_EQ(normal("a\u302E\U0001D165b"), "a\U0001D165\u302Eb");
  EXPECT_EQ(normal("a\u302E\U0001D165b", kNothing), "a\u302E\U0001D165b");
  EXPECT_EQ(normal("\u302E \U0001D165"), "\u302E \U0001D165");
}

TEST(Unicode, DecomposesHangulByArithmetic) {
  char32_t hangul[3];
  EXPECT_EQ(unicode::decomposition(0xAC00, hangul), U"\u1100\u1161");
  EXPECT_EQ(unicode::decomposition(0xAC01, hangul), U"\u1100\u1161\u11A8");
  EXPECT_EQ(unicode::decomposition(0xD7A3, hangul), U"\u1112\u1175\u11C2");
  EXPECT_EQ(unicode::decomposition(0x1F82, hangul), U"\u03B1\u0313\u0300\u0345");
}

TEST(Unicode, FlagsAgreeWithTheTablesBehindThem) {
  char32_t hangul[3];
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const auto flags = unicode::flags(c);
    ASSERT_EQ(!unicode::decomposition(c, hangul).empty(), (flags & unicode::kDecomposes) != 0)
        << static_cast<uint32_t>(c);
    ASSERT_EQ(!unicode::lower_case(c).empty(), (flags & unicode::kHasLower) != 0) << static_cast<uint32_t>(c);
    ASSERT_EQ(unicode::combining_class(c) != 0, (flags & unicode::kReorders) != 0) << static_cast<uint32_t>(c);
    for (const char32_t part : unicode::decomposition(c, hangul)) {
      ASSERT_EQ(unicode::flags(part) & unicode::kDecomposes, 0) << static_cast<uint32_t>(c);
    }
  }
}

}  // namespace
}  // namespace lode::text
