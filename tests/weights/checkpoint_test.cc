#include "weights/checkpoint.h"

#include <cstring>
#include <unistd.h>

#include <gtest/gtest.h>

#include "model_folder.h"

namespace lode::weights {
namespace {

using testing::counting;
using testing::ModelFolder;
using testing::outcome;
using testing::safetensors_of;

std::string data_of(const Tensor* tensor) {
  return tensor == nullptr ? "absent" : std::string(reinterpret_cast<const char*>(tensor->data), tensor->n_bytes);
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t pages = 0;
  statm >> total >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

TEST(Checkpoint, OpensASingleFile) {
  const ModelFolder folder;
  folder.write("model.safetensors",
               safetensors_of({{"w", "F32", {2, 2}, counting(16)}, {"b", "BF16", {2}, counting(4, 100)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_EQ(checkpoint->folder(), folder.path());
  ASSERT_EQ(checkpoint->files().size(), 1u);
  EXPECT_EQ(checkpoint->files()[0], "model.safetensors");
  ASSERT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->tensors()[0].name, "b");
  EXPECT_EQ(checkpoint->tensors()[1].name, "w");
  EXPECT_EQ(checkpoint->total_bytes(), 20u);
  const Tensor* const w = checkpoint->find("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->dtype, kernels::DType::f32);
  EXPECT_EQ(w->shape_text(), "[2, 2]");
  EXPECT_EQ(w->n_elements(), 4);
  EXPECT_EQ(data_of(w), counting(16));
  EXPECT_EQ(data_of(checkpoint->find("b")), counting(4, 100));
  EXPECT_EQ(checkpoint->config().find("model_type")->as_string(), "mistral");
}

// Two shards that share layer 0, as the published seven-billion-parameter checkpoints do.
void write_two_shards(const ModelFolder& folder) {
  folder.write("model-00001-of-00002.safetensors",
               safetensors_of({{"embedding_model.layers.0.q.weight", "F16", {2}, counting(4)}}));
  folder.write("model-00002-of-00002.safetensors",
               safetensors_of({{"embedding_model.layers.0.o.weight", "F16", {2}, counting(4, 10)},
                               {"embedding_model.norm.weight", "F16", {1}, counting(2, 20)}}));
  folder.write("model.safetensors.index.json",
               R"({"weight_map":{"embedding_model.layers.0.q.weight":"model-00001-of-00002.safetensors",)"
               R"("embedding_model.layers.0.o.weight":"model-00002-of-00002.safetensors",)"
               R"("embedding_model.norm.weight":"model-00002-of-00002.safetensors"}})");
}

TEST(Checkpoint, ALayerMaySpanTwoShards) {
  const ModelFolder folder;
  write_two_shards(folder);
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  ASSERT_EQ(checkpoint->files().size(), 2u);
  const Tensor* const q = checkpoint->find("layers.0.q.weight");
  const Tensor* const o = checkpoint->find("layers.0.o.weight");
  EXPECT_EQ(data_of(q), counting(4));
  EXPECT_EQ(data_of(o), counting(4, 10));
  EXPECT_EQ(checkpoint->files()[q->file], "model-00001-of-00002.safetensors");
  EXPECT_EQ(checkpoint->files()[o->file], "model-00002-of-00002.safetensors");
}

TEST(Checkpoint, LinksAreFollowedAsInTheHubCache) {
  const ModelFolder blobs;
  write_two_shards(blobs);
  const ModelFolder snapshot;
  for (const char* const name :
       {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}) {
    std::filesystem::create_symlink(blobs.path() / name, snapshot.path() / name);
  }
  const auto checkpoint = Checkpoint::open(snapshot.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_EQ(checkpoint->tensors().size(), 3u);
}

TEST(Checkpoint, TheSingleFileGoesBeforeTheIndex) {
  const ModelFolder folder;
  write_two_shards(folder);
  folder.write("model.safetensors", safetensors_of({{"only", "F32", {1}, counting(4)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  ASSERT_EQ(checkpoint->tensors().size(), 1u);
  EXPECT_NE(checkpoint->find("only"), nullptr);
}

TEST(Checkpoint, NamesAreFoundBareAndBehindTheKnownPrefixes) {
  for (const std::string prefix : {"", "model.", "embedding_model.", "bert."}) {
    const ModelFolder folder;
    folder.write("model.safetensors", safetensors_of({{prefix + "norm.weight", "F32", {1}, counting(4)}}));
    const auto checkpoint = Checkpoint::open(folder.path());
    ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
    EXPECT_NE(checkpoint->find("norm.weight"), nullptr) << prefix;
    EXPECT_EQ(checkpoint->find("norm"), nullptr);
    EXPECT_EQ(checkpoint->find("other." + prefix + "norm.weight"), nullptr);
  }
}

TEST(Checkpoint, TheBareNameWinsOverAPrefixedOne) {
  const ModelFolder folder;
  folder.write("model.safetensors",
               safetensors_of({{"model.w", "F32", {1}, counting(4)}, {"w", "F32", {1}, counting(4, 50)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_EQ(data_of(checkpoint->find("w")), counting(4, 50));
}

TEST(Checkpoint, RequireChecksPresenceShapeAndType) {
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"model.embeddings.position_ids", "I64", {1, 2}, counting(16)},
                                                    {"model.w", "F32", {2, 3}, counting(24)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_TRUE(checkpoint->require("w", std::vector<int64_t>{2, 3}).has_value());
  EXPECT_SAYS(outcome(checkpoint->require("w", std::vector<int64_t>{3, 2})), "corrupt:", "model.safetensors",
              "tensor \"model.w\" has shape [2, 3], expected [3, 2]");
  EXPECT_SAYS(outcome(checkpoint->require("v", std::vector<int64_t>{7})), "corrupt:", folder.path().c_str(),
              "tensor \"v\" [7] is missing, found 1 other tensors");
  EXPECT_SAYS(outcome(checkpoint->require("embeddings.position_ids", std::vector<int64_t>{1, 2})), "unsupported:",
              "tensor \"model.embeddings.position_ids\" is of type \"I64\", expected one of F32, F16, BF16");
}

TEST(Checkpoint, TensorsOfOtherTypesAreSetAsideByName) {
  const ModelFolder folder;
  folder.write(
      "model.safetensors",
      safetensors_of({{"z", "I64", {1}, counting(8)}, {"w", "F32", {1}, counting(4)}, {"a", "NEW", {1}, counting(1)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_EQ(checkpoint->tensors().size(), 1u);
  EXPECT_EQ(checkpoint->total_bytes(), 4u);
  ASSERT_EQ(checkpoint->skipped().size(), 2u);
  EXPECT_EQ(checkpoint->skipped()[0].name, "a");
  EXPECT_EQ(checkpoint->skipped()[1].dtype, "I64");
  EXPECT_EQ(checkpoint->find("z"), nullptr);
}

// Its size could be anything: safetensors knows no such type, so nobody has held it against the shape.
TEST(Checkpoint, ATypeOfGgufInASafetensorsFileIsNotComputedWith) {
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"w", "Q8_0", {4096, 4096}, counting(1)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().line();
  EXPECT_EQ(checkpoint->find("w"), nullptr);
  ASSERT_EQ(checkpoint->skipped().size(), 1U);
  EXPECT_EQ(checkpoint->skipped()[0].dtype, "Q8_0");
}

TEST(Checkpoint, UnalignedTensorsAreReadable) {
  const ModelFolder folder;
  std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  while (header.size() % 8 != 0) header += ' ';
  folder.write("model.safetensors", safetensors_of(header, counting(9)));
  ::testing::internal::CaptureStderr();
  const auto checkpoint = Checkpoint::open(folder.path());
  EXPECT_SAYS(::testing::internal::GetCapturedStderr(), "1 tensors are not aligned", "8 bytes were copied");
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  const Tensor* const w = checkpoint->find("w");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w->data) % alignof(float), 0u);
  EXPECT_EQ(data_of(w), counting(8, 1));
  checkpoint->release(*w);
  EXPECT_EQ(data_of(w), counting(8, 1));
}

TEST(Checkpoint, ReleaseGivesTheTensorsPagesBack) {
  constexpr int64_t kElements = 8 << 20;
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"first", "F16", {3}, counting(6)},
                                                    {"large", "F16", {kElements}, std::string(2 * kElements, 'r')}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  const Tensor& large = *checkpoint->find("large");
  const auto sum = [&] {
    int64_t total = 0;
    for (size_t i = 0; i < large.n_bytes; ++i) total += static_cast<int64_t>(large.data[i]);
    return total;
  };
  const int64_t once = sum();
  const int64_t before = resident_bytes();
  checkpoint->release(large);
  EXPECT_LT(resident_bytes(), before - kElements);
  EXPECT_EQ(sum(), once);
  EXPECT_EQ(data_of(checkpoint->find("first")), counting(6));
}

TEST(Checkpoint, OpeningReadsTheHeaderAndNotTheTensors) {
  // 16 GB of holes: as large as a published seven-billion-parameter checkpoint, with nothing of it on the disk.
  constexpr int64_t kRows = 1'000'000;
  constexpr int64_t kColumns = 8192;
  constexpr uint64_t kBytes = uint64_t{kRows} * kColumns * 2;
  const ModelFolder folder;
  const auto path =
      folder.write("model.safetensors",
                   safetensors_of(fmt::format(R"({{"w":{{"dtype":"F16","shape":[{},{}],"data_offsets":[0,{}]}}}}     )",
                                              kRows, kColumns, kBytes),
                                  ""));
  std::error_code error;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + kBytes, error);
  if (error) GTEST_SKIP() << "this disk takes no sparse file of 16 GB: " << error.message();
  const int64_t before = resident_bytes();
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value()) << outcome(checkpoint);
  EXPECT_EQ(checkpoint->total_bytes(), kBytes);
  EXPECT_LT(resident_bytes(), before + (int64_t{4} << 20));
  EXPECT_EQ(checkpoint->find("w")->data[kBytes - 1], std::byte{0});
}

TEST(Checkpoint, ViewsSurviveAMove) {
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"w", "F32", {1}, counting(4)}}));
  auto opened = Checkpoint::open(folder.path());
  ASSERT_TRUE(opened.has_value());
  const Tensor* const w = opened->find("w");
  const Checkpoint moved = std::move(*opened);
  EXPECT_EQ(moved.find("w"), w);
  EXPECT_EQ(data_of(w), counting(4));
}

TEST(Checkpoint, SidecarsAreReadOnceAndMayBeAbsent) {
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"w", "F32", {1}, counting(4)}}));
  const auto path = folder.write("1_Pooling/config.json", R"({"pooling_mode_cls_token":true})");
  folder.write("modules.json", "[]");
  folder.write("broken.json", "{");
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value());
  const auto pooling = checkpoint->sidecar("1_Pooling/config.json");
  ASSERT_TRUE(pooling.has_value() && pooling->has_value());
  std::filesystem::remove(path);
  EXPECT_EQ((*checkpoint->sidecar("1_Pooling/config.json"))->find("pooling_mode_cls_token")->as_bool(), true);
  EXPECT_EQ((*pooling)->find("pooling_mode_cls_token")->as_bool(), true);
  EXPECT_EQ((*checkpoint->sidecar("modules.json"))->kind(), json::Kind::array);
  const auto absent = checkpoint->sidecar("absent.json");
  ASSERT_TRUE(absent.has_value());
  EXPECT_FALSE(absent->has_value());
  EXPECT_SAYS(outcome(checkpoint->sidecar("broken.json")), "corrupt:", "broken.json is not valid JSON");
}

TEST(Checkpoint, SidecarsOutsideTheFolderAreRefused) {
  const ModelFolder folder;
  folder.write("model.safetensors", safetensors_of({{"w", "F32", {1}, counting(4)}}));
  const auto checkpoint = Checkpoint::open(folder.path());
  ASSERT_TRUE(checkpoint.has_value());
  for (const std::string_view path : {"../x.json", "a/../../x.json", "/etc/hostname", "", ".."}) {
    EXPECT_SAYS(outcome(checkpoint->sidecar(path)), "corrupt:", "is not a path inside the folder");
  }
}

}  // namespace
}  // namespace lode::weights
