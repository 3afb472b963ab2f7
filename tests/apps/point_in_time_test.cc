#include "apps/point_in_time.h"

#include <chrono>
#include <string_view>

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27) + 13h;

TEST(PointInTime, IsSoLongAgoOrADay) {
  EXPECT_EQ(*point_in_time("90m", kNow), kNow - 90min);
  EXPECT_EQ(*point_in_time("12h", kNow), kNow - 12h);
  EXPECT_EQ(*point_in_time("7d", kNow), kNow - 7 * 24h);
  EXPECT_EQ(*point_in_time("2w", kNow), kNow - 14 * 24h);
  EXPECT_EQ(*point_in_time("0d", kNow), kNow);
  EXPECT_EQ(*point_in_time("2026-11-27", kNow), kNow - 13h);
  EXPECT_EQ(*point_in_time("2024-02-29", kNow), std::chrono::sys_days(std::chrono::year(2024) / 2 / 29));
}

TEST(PointInTime, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "d", "7", "7y", "-7d", "7 d", "1.5d", "2026-02-29", "2026-13-01", "2026-1-1",
                                      "1969-12-31", "9999999w", "4294967296d", "2026-11-01T00:00"}) {
    const auto time = point_in_time(text, kNow);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace lode::apps
