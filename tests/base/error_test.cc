#include "base/error.h"

#include <gtest/gtest.h>

namespace lode {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::invalid_argument, "odd number", "give an even one");
  return value / 2;
}

Result<int> quarter(int value) {
  LODE_ASSIGN(const int once, half(value));
  LODE_ASSIGN(const int twice, half(once));
  return twice;
}

Status only_even(int value) {
  LODE_TRY(half(value));
  return {};
}

TEST(Error, AssignBindsTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().code, Code::invalid_argument);
}

TEST(Error, TryPassesTheErrorOn) {
  EXPECT_TRUE(only_even(2).has_value());
  ASSERT_FALSE(only_even(3).has_value());
  EXPECT_EQ(only_even(3).error().hint, "give an even one");
}

TEST(Error, LineJoinsMessageAndHintAsSentences) {
  EXPECT_EQ((Error{Code::io, "cannot open x", "check the path"}.line()), "cannot open x. check the path");
  EXPECT_EQ((Error{Code::io, "what now?", "nothing"}.line()), "what now? nothing");
  EXPECT_EQ((Error{Code::io, "cannot open x", ""}.line()), "cannot open x");
}

TEST(Error, EveryCodeHasItsName) {
  EXPECT_EQ(code_name(Code::invalid_argument), "invalid_argument");
  EXPECT_EQ(code_name(Code::too_large), "too_large");
  EXPECT_EQ(code_name(Code::internal), "internal");
}

TEST(ErrorDeathTest, CheckAbortsAndSaysWhere) {
  EXPECT_DEATH(LODE_CHECK(1 + 1 == 3), "1 \\+ 1 == 3.*error_test");
}

}  // namespace
}  // namespace lode
