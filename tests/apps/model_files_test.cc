#include "apps/model_files.h"

#include <filesystem>
#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"

namespace lode::apps {
namespace {

using ::testing::ElementsAre;

TEST(ModelFiles, TakesWhatAModelNeeds) {
  for (const char* path :
       {"config.json", "model.safetensors", "model-00001-of-00004.safetensors", "model.safetensors.index.json",
        "tokenizer.json", "tokenizer.model", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
        "modules.json", "1_Pooling/config.json", "2_Normalize/config.json", "sentence_bert_config.json",
        "config_sentence_transformers.json", "README.md", "LICENSE", "LICENSE.txt", "NOTICE"})
    EXPECT_TRUE(is_needed(path)) << path;
}

TEST(ModelFiles, LeavesTheRest) {
  for (const char* path :
       {"pytorch_model.bin", "modeling_nvembed.py", "onnx/model.onnx", ".gitattributes", "tf_model.h5",
        "a/b/config.json", "openvino/model.safetensors", "consolidated.safetensors", "config.json.py"})
    EXPECT_FALSE(is_needed(path)) << path;
}

TEST(ModelFiles, RefusesPathsThatLeaveTheFolder) {
  for (const char* path :
       {"../config.json", "..", ".", "", "/config.json", "a/../config.json", "a//config.json", "./config.json",
        "config.json/", "..\\config.json", "C:\\config.json", "c:/config.json", "a\nb/config.json"}) {
    EXPECT_FALSE(is_safe_path(path)) << path;
    EXPECT_FALSE(is_needed(path)) << path;
  }
  EXPECT_FALSE(is_safe_path(std::string_view("config.json\0x", 13)));
}

TEST(ModelFiles, NothingThatIsSafeClimbsOut) {
  EXPECT_TRUE(rc::check([] {
    const auto path = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("./\\a:")));
    if (!is_safe_path(path)) return;
    const auto joined = (std::filesystem::path("/store/model") / path).lexically_normal().string();
    RC_ASSERT(joined.starts_with("/store/model/"));
  }));
}

TEST(ModelFiles, ListsAFolderThroughLinksAndSkipsDanglingOnes) {
  const test::TemporaryFolder folder;
  for (const char* path : {"config.json", "1_Pooling/config.json", "1_Pooling/notes.txt", "blob", "onnx/model.onnx"})
    folder.write(path, "{}");
  std::filesystem::create_symlink("blob", folder.path() / "model.safetensors");
  std::filesystem::create_symlink("nowhere", folder.path() / "vocab.txt");
  const auto files = needed_files(folder.path());
  ASSERT_TRUE(files);
  EXPECT_THAT(*files, ElementsAre("1_Pooling/config.json", "config.json", "model.safetensors"));
  EXPECT_EQ(needed_files(folder.path() / "missing").error().code, Code::io);
}

}  // namespace
}  // namespace lode::apps
