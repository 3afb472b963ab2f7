#include "text/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace lode::text::utf8 {
namespace {

std::string repaired(std::string_view text) {
  return std::string(Repaired(text).text());
}

TEST(Utf8, EveryScalarSurvivesWritingAndReading) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string bytes;
    append(c, bytes);
    ASSERT_TRUE(is_valid(bytes)) << static_cast<uint32_t>(c);
    const Scalar first = scalar_at(bytes, 0), last = scalar_before("a" + bytes, bytes.size() + 1);
    ASSERT_EQ(first.value, c);
    ASSERT_EQ(first.n_bytes, bytes.size());
    ASSERT_EQ(last.value, c);
    ASSERT_EQ(last.n_bytes, bytes.size());
  }
}

TEST(Utf8, ValidTextIsNotCopied) {
  const std::string text = "na\u00efve \u6771\u4eac \U0001F642";
  EXPECT_EQ(Repaired(text).text().data(), text.data());
}

// The expected strings are what Python's bytes.decode(errors="replace") gives.
TEST(Utf8, EachMaximalSubpartBecomesOneReplacement) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(repaired("a\x80"
                     "b"),
            "a" + r + "b");                                               // a lone continuation
  EXPECT_EQ(repaired("\xC0\xAF"), r + r);                                 // overlong
  EXPECT_EQ(repaired("\xE0\x80\x80"), r + r + r);                         // overlong
  EXPECT_EQ(repaired("\xED\xA0\x80"), r + r + r);                         // a surrogate
  EXPECT_EQ(repaired("\xF4\x90\x80\x80"), r + r + r + r);                 // beyond U+10FFFF
  EXPECT_EQ(repaired("\xE2\x82"), r);                                     // cut short at the end
  EXPECT_EQ(repaired("\xE2\x82x"), r + "x");                              // and before another character
  EXPECT_EQ(repaired("\xF0\x9F\x99\xF0\x9F\x99\x82"), r + "\U0001F642");  // and before a whole one
  EXPECT_EQ(repaired("\xFF\xFE"), r + r);
  EXPECT_EQ(repaired(std::string("\0\xC3", 2)), std::string("\0", 1) + r);
}

TEST(Utf8, FindsTheFirstBadByteWhereverItLies) {
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    text[at] = '\xFF';
    EXPECT_EQ(valid_prefix(text), at);
  }
}

}  // namespace
}  // namespace lode::text::utf8
