// The index that NVIDIA publishes with NV-Embed-v2: 304 tensors in four shards, layers 7, 18 and 30 spanning two.
#include <cstdlib>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "weights/shard_index.h"

namespace lode::weights {
namespace {

std::filesystem::path shared_folder() {
  const char* const set = std::getenv("LODE_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(LODE_SOURCE_DIR).parent_path() / "shared";
}

TEST(PublishedIndex, ListsEveryTensorOfNvEmbedV2) {
  const auto path = shared_folder() / "golden/published/nv-embed-v2.model.safetensors.index.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent; set LODE_SHARED";
  const auto text = read_file(path);
  ASSERT_TRUE(text.has_value());
  const auto index = parse_shard_index(*text, "index");
  ASSERT_TRUE(index.has_value()) << index.error().line();
  EXPECT_EQ(index->files.size(), 4u);
  EXPECT_EQ(index->rows.size(), 304u);
  EXPECT_NE(index->find("latent_attention_model.latents"), nullptr);
  const auto shards_of = [&](int layer) {
    const std::string prefix = "embedding_model.layers." + std::to_string(layer) + ".";
    std::set<uint32_t> shards;
    for (const auto& row : index->rows) {
      if (row.tensor.starts_with(prefix)) shards.insert(row.file);
    }
    return shards.size();
  };
  for (int layer = 0; layer < 32; ++layer)
    EXPECT_EQ(shards_of(layer), layer == 7 || layer == 18 || layer == 30 ? 2u : 1u) << layer;
}

}  // namespace
}  // namespace lode::weights
