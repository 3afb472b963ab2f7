// Rankings made into one.
#include "index/rank_fusion.h"

#include <array>
#include <cmath>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::index {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(RankFusion, EqualScoresHaveTheSameRankAndPushTheNextDown) {
  const std::vector<double> scores = {0.5, 0.9, 0.5, -1, 0.9};
  EXPECT_THAT(competition_ranks(scores), ElementsAre(3, 1, 3, 5, 1));
}

TEST(RankFusion, ReciprocalRanksAreSummed) {
  const std::vector<double> first = {3, 2, 1}, second = {-5, 7, 7};
  const std::array<std::span<const double>, 2> lists = {first, second};
  const std::vector<double> sums = reciprocal_rank_fusion(lists);
  EXPECT_DOUBLE_EQ(sums[0], 1.0 / 61 + 1.0 / 63);
  EXPECT_DOUBLE_EQ(sums[1], 1.0 / 62 + 1.0 / 61);
  EXPECT_DOUBLE_EQ(sums[2], 1.0 / 63 + 1.0 / 61);
}

TEST(RankFusion, StandardScoresKnowNoUnit) {
  const std::vector<double> scores = {1, 2, 6, 7}, scaled = {1010, 1020, 1060, 1070}, flat = {4, 4, 4, 4};
  const std::array<std::span<const double>, 1> one = {scores}, other = {scaled}, nothing = {flat};
  const std::array<std::span<const double>, 2> both = {scores, flat};
  const std::vector<double> sums = standard_score_sum(one);
  EXPECT_NEAR(sums[0], -3 / std::sqrt(6.5), 1e-12);  // mean 4, variance (9 + 4 + 4 + 9) / 4
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(standard_score_sum(other)[i], sums[i], 1e-12);
    EXPECT_EQ(standard_score_sum(both)[i], sums[i]);
  }
  EXPECT_THAT(standard_score_sum(nothing), Each(0.0));
}

}  // namespace
}  // namespace lode::index
