#include "apps/serve_options.h"

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

TEST(ServeOptions, RatesAreRequestsAMinute) {
  EXPECT_EQ(requests_per_minute("60"), 60);
  EXPECT_EQ(requests_per_minute("60/min"), 60);
  EXPECT_EQ(requests_per_minute("10/s"), 600);
  EXPECT_EQ(requests_per_minute("120/h"), 2);
  EXPECT_EQ(requests_per_minute("0.5/min"), 0.5);
  for (const char* wrong : {"", "x", "-1/min", "0", "10/day", "10 /s", "1e99", "nan"}) {
    const auto rate = requests_per_minute(wrong);
    ASSERT_FALSE(rate) << wrong;
    EXPECT_EQ(rate.error().code, Code::invalid_argument);
  }
}

TEST(ServeOptions, AnAssignmentHasTwoSides) {
  const auto good = read_assignment("--alias", "a=b=c", "NAME=MODEL", "x=y");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->name, "a");
  EXPECT_EQ(good->value, "b=c");
  for (const char* wrong : {"", "a", "=b", "a="}) {
    const auto bad = read_assignment("--alias", wrong, "NAME=MODEL", "x=y");
    ASSERT_FALSE(bad) << wrong;
    EXPECT_NE(bad.error().line().find("--alias x=y"), std::string::npos);
  }
}

}  // namespace
}  // namespace lode::apps
