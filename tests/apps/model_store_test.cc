#include "apps/model_store.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "apps/command.h"

namespace lode::apps {
namespace {

using test::TemporaryFolder;
using test::Variable;
using ::testing::HasSubstr;

TEST(ModelStore, KnowsModelsInAnyLetterCaseWithOrWithoutVendor) {
  for (const char* name : {"nv-embed-v1", "NV-Embed-v1", "nvidia/NV-Embed-v1", "NVIDIA/nv-embed-v1"}) {
    const KnownModel* model = find_known(name);
    ASSERT_NE(model, nullptr) << name;
    EXPECT_EQ(model->hub_id, "nvidia/NV-Embed-v1");
  }
  EXPECT_NE(find_known("salesforce/sfr-embedding-2_r"), nullptr);
  EXPECT_EQ(find_known("salesforce/nv-embed-v1"), nullptr);
  EXPECT_EQ(find_known("nv-embed"), nullptr);
  EXPECT_EQ(find_known(""), nullptr);
  EXPECT_NE(find_known(kDefaultModel), nullptr);
}

TEST(ModelStore, LivesInLodeHomeOrTheCacheFolder) {
  const Variable home("HOME", "/home/someone");
  {
    const Variable lode_home("LODE_HOME", "/data/lode");
    EXPECT_EQ(*store_folder(), "/data/lode/models");
  }
  for (const char* unset : {static_cast<const char*>(nullptr), ""}) {
    const Variable lode_home("LODE_HOME", unset);
    EXPECT_EQ(*store_folder(), "/home/someone/.cache/lode/models");
    const Variable no_home("HOME", unset);
    EXPECT_THAT(store_folder().error().hint, HasSubstr("LODE_HOME"));
  }
}

TEST(ModelStore, ResolvesNamesOfInstalledModels) {
  const TemporaryFolder home;
  const Variable lode_home("LODE_HOME", home.path().c_str());
  const auto missing = resolve_model("NVIDIA/NV-Embed-v1");
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_THAT(missing.error().hint, HasSubstr("`lode pull nv-embed-v1`"));
  EXPECT_THAT(resolve_model("").error().hint, HasSubstr("`lode pull all-minilm-l6-v2`"));

  home.write("models/nv-embed-v1/config.json", "{}");
  home.write("models/all-minilm-l6-v2/config.json", "{}");
  EXPECT_EQ(*resolve_model("NVIDIA/NV-Embed-v1"), home.path() / "models/nv-embed-v1");
  EXPECT_EQ(*resolve_model(""), home.path() / "models/all-minilm-l6-v2");
}

TEST(ModelStore, AFolderThatIsHereWinsOverAName) {
  const TemporaryFolder place;
  const Variable lode_home("LODE_HOME", place.path().c_str());
  place.write("here/nvidia/nv-embed-v1/config.json", "{}");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(place.path() / "here");
  const auto folder = resolve_model("nvidia/nv-embed-v1");
  std::filesystem::current_path(before);
  ASSERT_TRUE(folder);
  EXPECT_EQ(*folder, "nvidia/nv-embed-v1");
  EXPECT_EQ(*resolve_model((place.path() / "here").string()), place.path() / "here");
}

TEST(ModelStore, SaysWhatIsWrongWithOtherPathsAndNames) {
  const TemporaryFolder place;
  const Variable lode_home("LODE_HOME", place.path().c_str());
  EXPECT_THAT(resolve_model("nv-embed-v").error().line(), HasSubstr("Did you mean nv-embed-v1?"));
  EXPECT_THAT(resolve_model("bge-m3").error().line(), HasSubstr("all-minilm-l6-v2, nv-embed-v1"));
  EXPECT_THAT(resolve_model("./missing").error().line(), HasSubstr("there is no folder ./missing"));
  EXPECT_THAT(resolve_model(place.write("a.safetensors", "").string()).error().line(),
              HasSubstr("is a file, expected"));
}

TEST(ModelStore, ServesKnownModelsUnderTheirVendorAndFoldersUnderTheirName) {
  EXPECT_EQ(served_name("/data/models/nv-embed-v1"), "nvidia/nv-embed-v1");
  EXPECT_EQ(served_name("/data/models/NV-Embed-v1/"), "nvidia/nv-embed-v1");
  EXPECT_EQ(served_name("/data/models/all-minilm-l6-v2"), "sentence-transformers/all-minilm-l6-v2");
  EXPECT_EQ(served_name("/data/my-model/"), "my-model");
  EXPECT_EQ(served_name("/data/my-model/."), "my-model");
  EXPECT_EQ(served_name("."), std::filesystem::current_path().filename());
}

TEST(ModelStore, ServesTheHubsCacheUnderTheNameOfItsModel) {
  EXPECT_EQ(served_name("/hub/models--nvidia--NV-Embed-v1/snapshots/570834afd5fe"), "nvidia/nv-embed-v1");
  EXPECT_EQ(served_name("/hub/models--someone--my-model/snapshots/0123"), "someone/my-model");
  EXPECT_EQ(served_name("/hub/models--someone--my-model/blobs/0123"), "0123");
}

TEST(ModelStore, ShowsAModelOnlyWithItsConfig) {
  const TemporaryFolder place;
  EXPECT_FALSE(is_installed(place.path()));
  place.write("config.json", "{}");
  EXPECT_TRUE(is_installed(place.path()));
  EXPECT_FALSE(is_installed(place.path() / "config.json"));
}

}  // namespace
}  // namespace lode::apps
