#include "apps/progress.h"

#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Progress, WritesSizesInDecimalUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(90'868'376), "91 MB");
  EXPECT_EQ(format_bytes(999'600), "1.0 MB");
  EXPECT_EQ(format_bytes(15'702'032'384), "15.7 GB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "18.4 EB");
}

TEST(Progress, ShowsShareRateAndTimeLeft) {
  const std::string line =
      progress_line({"model.safetensors", 25'000'000, 100'000'000, 5'000'000, 10, Unit::bytes}, 120, true);
  EXPECT_EQ(line, "model.safetensors   25 %  [#######.......................]  25 MB/100 MB  2.0 MB/s  38 s left");
}

TEST(Progress, CountsItemsWithTheirRate) {
  const std::string line = progress_line({"embed", 300, 1000, 0, 60, Unit::items}, 120, false);
  EXPECT_EQ(line, "embed   30 %  300/1000  5.0/s  2 min 20 s left");
}

TEST(Progress, OfSharesOnlyTheTimeLeftIsShown) {
  EXPECT_EQ(progress_line({"SciFact  documents 3/9", 500, 1000, 400, 50, Unit::shares}, 120, false),
            "SciFact  documents 3/9   50 %  4 min 10 s left");
}

TEST(Progress, SaysNothingAboutRatesItCannotKnow) {
  EXPECT_THAT(progress_line({"x", 10, 100, 0, 0.1, Unit::items}, 120, true), Not(HasSubstr("/s")));    // too early
  EXPECT_THAT(progress_line({"x", 10, 100, 10, 60, Unit::items}, 120, true), Not(HasSubstr("/s")));    // nothing new
  EXPECT_THAT(progress_line({"x", 10, 0, 0, 60, Unit::items}, 120, true), Not(HasSubstr("%")));        // no total
  EXPECT_THAT(progress_line({"x", 100, 100, 0, 60, Unit::items}, 120, true), Not(HasSubstr("left")));  // done
}

TEST(Progress, NeverSaysDoneBeforeItIs) {
  EXPECT_THAT(progress_line({"x", 999, 1000, 0, 1, Unit::items}, 120, true), HasSubstr(" 99 %"));
  EXPECT_THAT(progress_line({"x", 1500, 1000, 0, 1, Unit::items}, 120, true), HasSubstr("100 %"));
}

TEST(Progress, FitsTheTerminal) {
  EXPECT_TRUE(rc::check([](uint64_t done, uint64_t total, uint16_t seconds) {
    const int n_columns = *rc::gen::inRange(21, 200);
    const std::string line = progress_line(
        {"model-00001-of-00004.safetensors", done, total, 0, seconds / 8.0, Unit::bytes}, n_columns, true);
    RC_ASSERT(line.size() < static_cast<size_t>(n_columns));
  }));
}

}  // namespace
}  // namespace lode::apps
