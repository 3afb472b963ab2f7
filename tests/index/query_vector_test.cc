#include "index/query_vector.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::index {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> texts_of(std::string_view query) {
  return query_texts(take_apart(query));
}

TEST(QueryVector, AQueryOfOneLineIsItself) {
  EXPECT_THAT(texts_of("where are cookies parsed?"), ElementsAre("where are cookies parsed?"));
  EXPECT_THAT(texts_of(" Query.filter \n\n"), ElementsAre(" Query.filter \n\n"));
  EXPECT_THAT(texts_of(""), ElementsAre(""));
  EXPECT_THAT(texts_of("<!-- cookies -->"), ElementsAre("<!-- cookies -->"));
  EXPECT_THAT(texts_of("```\n\n```\n"), ElementsAre("```\n\n```\n"));
}

TEST(QueryVector, ALongOneIsItsTitleAndItsProse) {
  std::string prose;
  for (int i = 0; i < 10; ++i) prose += "The second request has the first one's cookies. ";
  const auto texts = texts_of("Cookies leak\n\n" + prose + "\n```\nsession.get(url)\n```\n");
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0], "Cookies leak");
  EXPECT_THAT(texts[1], HasSubstr("The second request"));
  EXPECT_THAT(texts[1], Not(HasSubstr("session.get")));
}

TEST(QueryVector, WhereThereIsLittleProseTheCodeIsReadToo) {
  const std::string query = "This fails:\n\n```\nsession.get(url)\n```\n";
  EXPECT_THAT(texts_of(query), ElementsAre("This fails:", query));
}

TEST(QueryVector, TheMeanOfDirectionsIsOne) {
  const std::vector<float> rows = {1, 0, 0, 0, 0.6F, 0.8F};
  const std::vector<float> mean = mean_direction(rows, 3);
  ASSERT_EQ(mean.size(), 3U);
  EXPECT_NEAR(mean[1] / mean[0], 0.6, 1e-6);
  EXPECT_NEAR(mean[2] / mean[0], 0.8, 1e-6);
  EXPECT_NEAR(mean[0] * mean[0] + mean[1] * mean[1] + mean[2] * mean[2], 1, 1e-6);
}

TEST(QueryVector, DirectionsThatCancelAreNone) {
  EXPECT_THAT(mean_direction(std::vector<float>{1, 0, -1, 0}, 2), ElementsAre(0, 0));
}

}  // namespace
}  // namespace lode::index
