#include "apps/bench_rounds.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kBest = 1800;

Turn calm(double value) {
  return {.value = value, .peak = kBest, .calibration = kBest, .foreign = 0.01};
}

TEST(BenchRounds, ATurnCountsWhenTheMachineWasQuiet) {
  Turn turn = calm(100);
  turn.calibration = 0.94 * kBest;
  turn.foreign = 0.05;
  EXPECT_TRUE(quiet(turn, kBest));
  turn.foreign = 0.051;
  EXPECT_FALSE(quiet(turn, kBest));
  turn.foreign = 0;
  turn.calibration = 0.92 * kBest;
  EXPECT_FALSE(quiet(turn, kBest));
}

TEST(BenchRounds, APairGoesWhenEitherSideWasDisturbed) {
  std::vector<Round> rounds = {
      {calm(100), {calm(50), calm(10)}}, {calm(120), {calm(40), calm(12)}}, {calm(90), {calm(45), calm(9)}}};
  rounds[0].peers[0].foreign = 0.4;
  rounds[2].ours.calibration = 0.8 * kBest;
  const Verdict first = judge(rounds, 0, kBest, false);
  EXPECT_THAT(first.ratios, ElementsAre(3));
  EXPECT_THAT(first.values, ElementsAre(40));
  EXPECT_EQ(first.discarded, 2);
  const Verdict second = judge(rounds, 1, kBest, false);  // its turn of the first round was quiet
  EXPECT_THAT(second.ratios, ElementsAre(10, 10));
  EXPECT_EQ(second.discarded, 1);
  EXPECT_THAT(judge_ours(rounds, kBest, false).values, ElementsAre(100, 120));
}

TEST(BenchRounds, ABetterPeakSeenLaterDiscardsWhatWasBefore) {
  const std::vector<Round> rounds = {{calm(100), {calm(50)}}};
  EXPECT_EQ(judge(rounds, 0, kBest, false).discarded, 0);
  EXPECT_EQ(judge(rounds, 0, 1.1 * kBest, false).discarded, 1);
}

TEST(BenchRounds, AllCountWhereTheUserSaysSo) {
  std::vector<Round> rounds = {{calm(100), {calm(50)}}};
  rounds[0].ours.foreign = 1;
  EXPECT_THAT(judge(rounds, 0, kBest, false).ratios, IsEmpty());
  EXPECT_THAT(judge(rounds, 0, kBest, true).ratios, ElementsAre(2));
  EXPECT_EQ(judge(rounds, 0, kBest, true).discarded, 0);
}

TEST(BenchRounds, SpreadIsAroundTheMedian) {
  EXPECT_DOUBLE_EQ(spread({3, 1, 2}).median, 2);
  EXPECT_DOUBLE_EQ(spread({3, 1, 2}).noise, 1);
  EXPECT_DOUBLE_EQ(spread({4, 1, 2, 3}).median, 2.5);
}

TEST(BenchRounds, WhatIsNotIdleIsBusy) {
  // user nice system idle iowait irq softirq steal guest guest_nice
  EXPECT_DOUBLE_EQ(*busy_seconds("cpu  100 20 30 9000 500 4 6 40 70 0\ncpu0 1 2 3", 100), 2.0);
  EXPECT_FALSE(busy_seconds("cpu  100 20 30", 100));
  EXPECT_FALSE(busy_seconds("cpu0 100 20 30 9000 500 4 6 40", 100));
  EXPECT_FALSE(busy_seconds("", 100));
}

TEST(BenchRounds, OthersAreWhoIsNotUs) {
  const CpuTimes before = {.clock = 10, .busy = 100, .own = 5, .n_cpus = 2};
  EXPECT_DOUBLE_EQ(foreign_share(before, {.clock = 20, .busy = 118, .own = 21, .n_cpus = 2}), 0.1);
  EXPECT_DOUBLE_EQ(foreign_share(before, {.clock = 20, .busy = 118, .own = 24, .n_cpus = 2}), 0);
}

TEST(BenchRounds, OurOwnWorkIsNotForeign) {
  const auto before = cpu_times();
  ASSERT_TRUE(before);
  volatile double sum = 0;
  for (int i = 0; i < 30'000'000; ++i) sum = sum + i;
  const auto after = cpu_times();
  ASSERT_TRUE(after);
  EXPECT_GT(after->own, before->own);
  EXPECT_GE(after->busy, before->busy);
}

}  // namespace
}  // namespace lode::apps
