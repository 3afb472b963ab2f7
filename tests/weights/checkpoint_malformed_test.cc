// Folders that Checkpoint::open refuses: each says which file, which tensor, what was found and what was expected.
#include <gtest/gtest.h>

#include "model_folder.h"
#include "weights/checkpoint.h"

namespace lode::weights {
namespace {

using testing::counting;
using testing::ModelFolder;
using testing::outcome;
using testing::safetensors_of;

class MalformedFolder : public ::testing::Test {
 protected:
  [[nodiscard]] std::string opened() const { return outcome(Checkpoint::open(folder_.path())); }
  void write_shard(const std::string& file, const std::vector<std::string>& names) const {
    std::vector<testing::TensorSpec> specs;
    for (const std::string& name : names) specs.push_back({name, "F32", {1}, counting(4)});
    folder_.write(file, safetensors_of(specs));
  }
  void write_index(std::string_view map) const {
    folder_.write("model.safetensors.index.json", fmt::format(R"({{"weight_map":{{{}}}}})", map));
  }

  ModelFolder folder_;
};

TEST_F(MalformedFolder, NoFolder) {
  EXPECT_SAYS(outcome(Checkpoint::open(folder_.path() / "absent")), "not_found: there is no model folder", "absent");
}

TEST_F(MalformedFolder, AFileInsteadOfAFolder) {
  EXPECT_SAYS(outcome(Checkpoint::open(folder_.write("model.safetensors", ""))),
              "invalid_argument:", "is a file, expected a model folder");
  EXPECT_SAYS(outcome(Checkpoint::open(folder_.write("model.gguf", ""))), "corrupt:", "does not start with \"GGUF\"");
}

TEST_F(MalformedFolder, NoConfig) {
  write_shard("model.safetensors", {"w"});
  std::filesystem::remove(folder_.path() / "config.json");
  EXPECT_SAYS(opened(), "not_found:", folder_.path().c_str(), "has no config.json");
}

TEST_F(MalformedFolder, ConfigIsNoObject) {
  write_shard("model.safetensors", {"w"});
  folder_.write("config.json", "[1]");
  EXPECT_SAYS(opened(), "corrupt:", "config.json is array, expected an object");
  folder_.write("config.json", "{\"a\":}");
  EXPECT_SAYS(opened(), "corrupt:", "config.json is not valid JSON", "at byte 5 of 6");
  folder_.write("config.json", "");
  EXPECT_SAYS(opened(), "config.json is not valid JSON: it is empty");
}

TEST_F(MalformedFolder, NoWeights) {
  EXPECT_SAYS(opened(), "not_found:", "holds neither model.safetensors nor");
}

TEST_F(MalformedFolder, OnlyPickles) {
  folder_.write("pytorch_model.bin", "PK");
  EXPECT_SAYS(opened(), "unsupported:", "only PyTorch pickle files", "safe_serialization=True");
}

TEST_F(MalformedFolder, OnlyGguf) {
  folder_.write("nv-embed.Q8_0.gguf", "GGUF");
  EXPECT_SAYS(opened(), "not_found:", "only a GGUF file", "Give the file itself:", "nv-embed.Q8_0.gguf");
}

TEST_F(MalformedFolder, GgufBytesBehindASafetensorsName) {
  folder_.write("model.safetensors", "GGUF\x03");
  EXPECT_SAYS(opened(), "unsupported:", "model.safetensors is a GGUF file");
}

TEST_F(MalformedFolder, AnEmptyFile) {
  folder_.write("model.safetensors", "");
  EXPECT_SAYS(opened(), "corrupt:", (folder_.path() / "model.safetensors").c_str(), "has 0 bytes, expected at least 8");
}

TEST_F(MalformedFolder, AFolderInPlaceOfTheFile) {
  std::filesystem::create_directory(folder_.path() / "model.safetensors");
  EXPECT_SAYS(opened(), "io:", "model.safetensors is a folder, expected a file");
}

TEST_F(MalformedFolder, ALinkThatLeadsNowhere) {
  std::filesystem::create_symlink("blobs/gone", folder_.path() / "model.safetensors");
  EXPECT_SAYS(opened(), "not_found:", "model.safetensors is a link that leads nowhere");
}

TEST_F(MalformedFolder, AMissingShard) {
  write_shard("a.safetensors", {"v"});
  write_index(R"("v":"a.safetensors","w":"b.safetensors")");
  EXPECT_SAYS(opened(), "not_found:", (folder_.path() / "b.safetensors").c_str(),
              "is missing, model.safetensors.index.json lists it");
}

TEST_F(MalformedFolder, AShardLacksATensorOfTheIndex) {
  write_shard("a.safetensors", {"v"});
  write_index(R"("v":"a.safetensors","w":"a.safetensors")");
  EXPECT_SAYS(opened(), "corrupt:",
              "model.safetensors.index.json lists tensor \"w\" in \"a.safetensors\", which does not hold it");
}

TEST_F(MalformedFolder, AShardHoldsATensorThatTheIndexDoesNotList) {
  write_shard("a.safetensors", {"v", "w"});
  write_index(R"("v":"a.safetensors")");
  EXPECT_SAYS(opened(),
              "corrupt:", "a.safetensors holds tensor \"w\", but model.safetensors.index.json lists it nowhere");
}

TEST_F(MalformedFolder, AShardHoldsATensorThatTheIndexListsElsewhere) {
  write_shard("a.safetensors", {"w"});
  write_shard("b.safetensors", {"v"});
  write_index(R"("v":"a.safetensors","w":"b.safetensors")");
  EXPECT_SAYS(opened(), "corrupt:", "a.safetensors holds tensor \"w\"", "lists it in \"b.safetensors\"");
}

TEST_F(MalformedFolder, TwoShardsHoldTheSameTensor) {
  write_shard("a.safetensors", {"w"});
  write_shard("b.safetensors", {"v", "w"});
  write_index(R"("v":"b.safetensors","w":"a.safetensors")");
  EXPECT_SAYS(opened(), "corrupt:", "b.safetensors holds tensor \"w\"", "lists it in \"a.safetensors\"");
}

TEST_F(MalformedFolder, AnIndexThatPointsOutside) {
  write_shard("a.safetensors", {"w"});
  write_index(R"("w":"../a.safetensors")");
  EXPECT_SAYS(opened(), "corrupt:", "index.json: tensor \"w\" is mapped to \"../a.safetensors\"");
  write_index(fmt::format(R"("w":"{}")", (folder_.path() / "a.safetensors").string()));
  EXPECT_SAYS(opened(), "corrupt:", "expected the name of a file in the same folder");
}

TEST_F(MalformedFolder, AMalformedShardIsNamed) {
  write_shard("a.safetensors", {"v"});
  folder_.write("b.safetensors",
                safetensors_of(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", counting(8)));
  write_index(R"("v":"a.safetensors","w":"b.safetensors")");
  EXPECT_SAYS(opened(), "corrupt:", (folder_.path() / "b.safetensors").c_str(), "tensor \"w\"",
              "span 8 bytes, expected 12 for F32 [3]");
}

}  // namespace
}  // namespace lode::weights
