#include "base/excerpt.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lode {
namespace {

TEST(Excerpt, CutsBehindAWholeCharacterAndSaysSo) {
  EXPECT_EQ(excerpt(""), "");
  EXPECT_EQ(excerpt("short"), "short");
  EXPECT_EQ(excerpt("12345", 5), "12345");
  EXPECT_EQ(excerpt("123456", 5), "12345...");
  EXPECT_EQ(excerpt("1234\u00e9", 5), "1234...");
  EXPECT_EQ(excerpt("1\U0001F600xx", 5), "1\U0001F600...");
  EXPECT_EQ(excerpt("1\U0001F600xx", 4), "1...");
  const std::string long_text(1 << 20, 'x');
  EXPECT_EQ(excerpt(long_text), fmt::format("{}...", long_text.substr(0, kMostExcerptBytes)));
  EXPECT_EQ(excerpt(std::string(100, '\x80'), 10), "\x80\x80\x80\x80\x80\x80\x80...") << "no UTF-8: cut all the same";
}

}  // namespace
}  // namespace lode
