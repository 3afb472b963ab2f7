#include "server/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_service.h"

namespace lode::server {
namespace {

using embed::InputType;
using ::testing::ElementsAre;

class ModelsTest : public ::testing::Test {
 protected:
  ModelsTest() {
    EXPECT_TRUE(models_.add("nvidia/NV-Embed-v1", first_));
    EXPECT_TRUE(models_.add("nvidia/nv-embedcode-7b-v1", second_));
  }
  // The id of what `name` finds, or "".
  std::string found(std::string_view name) {
    const auto match = models_.find(name);
    return match ? match->model->id : "";
  }

  FakeService first_, second_;
  Models models_;
};

TEST_F(ModelsTest, AnswersWithOrWithoutVendorInAnyLetterCase) {
  for (const char* name : {"nvidia/NV-Embed-v1", "nvidia/nv-embed-v1", "NV-EMBED-V1", "nv-embed-v1"}) {
    EXPECT_EQ(found(name), "nvidia/NV-Embed-v1") << name;
  }
  EXPECT_EQ(found("nv-embedcode-7b-v1"), "nvidia/nv-embedcode-7b-v1");
}

TEST_F(ModelsTest, TheFirstIsServedWhereNoneIsNamed) {
  EXPECT_EQ(found(""), "nvidia/NV-Embed-v1");
  EXPECT_FALSE(Models().find(""));
}

TEST_F(ModelsTest, NeverGuesses) {
  for (const char* name : {"nv-embed-v2", "nv-embed", "openai/nv-embed-v1", "nvidia/", "nvidia", " nv-embed-v1",
                           "-query", "nv-embed-v1-queries", "nvidia/nvidia/nv-embed-v1"}) {
    EXPECT_EQ(found(name), "") << name;
  }
}

TEST_F(ModelsTest, ASuffixIsTheInputType) {
  for (const auto& [name, type] :
       {std::pair{"nvidia/nv-embed-v1-query", InputType::query}, std::pair{"nv-embed-v1-passage", InputType::passage},
        std::pair{"NV-EMBED-V1-QUERY", InputType::query}, std::pair{"nv-embed-v1-Passage", InputType::passage},
        std::pair{"nv-embed-v1", InputType::unspecified}}) {
    const auto match = models_.find(name);
    ASSERT_TRUE(match) << name;
    EXPECT_EQ(match->model->id, "nvidia/NV-Embed-v1");
    EXPECT_EQ(match->input_type, type);
  }
  ASSERT_TRUE(models_.add_alias("for-query", "nv-embed-v1"));
  EXPECT_EQ(models_.find("for-query")->input_type, InputType::unspecified) << "a whole name comes first";
  EXPECT_EQ(models_.find("for-query-query")->input_type, InputType::query);
}

TEST_F(ModelsTest, WhereAnyNameWillDoASuffixInAnyCaseStillSaysModelAndSide) {
  const auto known = models_.find_or_first("NV-EMBEDCODE-7B-V1-QUERY");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->model->id, "nvidia/nv-embedcode-7b-v1");
  EXPECT_EQ(known->input_type, InputType::query);
  const auto unknown = models_.find_or_first("Other-Query");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->model->id, "nvidia/NV-Embed-v1");
  EXPECT_EQ(unknown->input_type, InputType::query);
  EXPECT_EQ(models_.find_or_first("query")->input_type, InputType::unspecified);
}

TEST_F(ModelsTest, AliasesAnswerWithoutTheirVendorToo) {
  ASSERT_TRUE(models_.add_alias("openai/text-embedding-3-small", "nvidia/nv-embedcode-7b-v1"));
  EXPECT_EQ(found("openai/text-embedding-3-small"), "nvidia/nv-embedcode-7b-v1");
  EXPECT_EQ(found("Text-Embedding-3-Small"), "nvidia/nv-embedcode-7b-v1");
  EXPECT_THAT(models_.names(),
              ElementsAre("nvidia/NV-Embed-v1", "nvidia/nv-embedcode-7b-v1", "openai/text-embedding-3-small"));
}

TEST_F(ModelsTest, RefusesNamesThatAreTakenOrUnknown) {
  EXPECT_EQ(models_.add("NVIDIA/nv-embed-v1", second_).error().code, Code::invalid_argument);
  EXPECT_EQ(models_.add_alias("nv-embed-v1", "nv-embedcode-7b-v1").error().code, Code::invalid_argument);
  EXPECT_EQ(models_.add_alias("x", "y").error().code, Code::invalid_argument);
  EXPECT_EQ(models_.add_alias("", "nv-embed-v1").error().code, Code::invalid_argument);
  EXPECT_TRUE(models_.add_alias("nv-embed-v1", "nv-embed-v1")) << "its own name again harms nobody";
}

TEST_F(ModelsTest, ChecksNamesWithoutServices) {
  Models names;
  EXPECT_TRUE(names.add_name("nvidia/nv-embed-v1"));
  EXPECT_TRUE(names.add_alias("mine", "nv-embed-v1"));
  EXPECT_EQ(names.add_name("NV-Embed-v1").error().code, Code::invalid_argument);
  EXPECT_EQ(names.add_name("Mine").error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace lode::server
