#include "apps/memory_estimate.h"

#include <gtest/gtest.h>

#include "../weights/model_folder.h"

namespace lode::apps {
namespace {

constexpr int64_t kF16 = 2;
constexpr int64_t kF32 = 4;

class MemoryEstimateTest : public ::testing::Test {
 protected:
  // A checkpoint of f16 zeros with these shapes.
  weights::Checkpoint open(const std::vector<std::pair<std::string, std::vector<int64_t>>>& shapes) const {
    std::vector<weights::testing::TensorSpec> specs;
    for (const auto& [name, shape] : shapes) {
      int64_t n = kF16;
      for (const int64_t dim : shape) n *= dim;
      specs.push_back({name, "F16", shape, std::string(static_cast<size_t>(n), '\0')});
    }
    folder_.write("model.safetensors", weights::testing::safetensors_of(specs));
    auto checkpoint = weights::Checkpoint::open(folder_.path());
    EXPECT_TRUE(checkpoint.has_value());
    return std::move(*checkpoint);
  }

  weights::testing::ModelFolder folder_;
};

model::ModelConfig small_bert() {
  model::ModelConfig config;
  config.architecture = model::Architecture::bert;
  config.d_model = 8;
  config.n_heads = config.n_kv_heads = 2;
  config.head_dim = 4;
  config.d_ff = 32;
  return config;
}

TEST_F(MemoryEstimateTest, SixteenBitWeightsCountAsSixteenBit) {
  const MemoryEstimate estimate = estimate_memory(small_bert(), open({{"w", {10, 8}}}), model::Arithmetic::f32, 100, 1);
  EXPECT_EQ(estimate.weight_bytes, 10 * 8 * kF16);
  EXPECT_EQ(estimate.pass_tokens, 100);
  EXPECT_EQ(estimate.pass_bytes, 100 * (8 + 3 * 8 + 32) * kF32);
}

TEST_F(MemoryEstimateTest, BertHoldsWhatIsBetweenProductsOfOneBlockOrOneLongTextOnly) {
  model::ModelConfig config = small_bert();
  const auto checkpoint = open({{"w", {10, 8}}});
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 2000, 1).pass_bytes,
            (2000 * 8 + 512 * (3 * 8 + 32)) * kF32);
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::int8, 2000, 1).pass_bytes,
            (2000 * 8 + 512 * (3 * 8 + 32)) * kF32 + 512 * 32 * 2);
  config.max_positions = 1500;
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 2000, 1).pass_bytes,
            (2000 * 8 + 1500 * (3 * 8 + 32)) * kF32);
}

TEST_F(MemoryEstimateTest, EachThreadMayHoldAPartOfBertOfItsOwn) {
  model::ModelConfig config = small_bert();
  const auto checkpoint = open({{"w", {10, 8}}});
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 9000, 4).pass_bytes,
            (9000 * 8 + 4 * 256 * (3 * 8 + 32)) * kF32);
  config.max_positions = 512;
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 9000, 4).pass_bytes,
            (9000 * 8 + 4 * 512 * (3 * 8 + 32)) * kF32);
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 700, 4).pass_bytes,
            700 * (8 + 3 * 8 + 32) * kF32);
}

TEST_F(MemoryEstimateTest, LinearLayersCountAByteAWeightInInt8) {
  const auto checkpoint = open({{"embeddings.word_embeddings.weight", {10, 8}},
                                {"encoder.layer.0.intermediate.dense.weight", {32, 8}},
                                {"encoder.layer.0.intermediate.dense.bias", {32}}});
  const MemoryEstimate estimate = estimate_memory(small_bert(), checkpoint, model::Arithmetic::int8, 100, 1);
  EXPECT_EQ(estimate.weight_bytes, 10 * 8 * kF16 + 32 * 8 + 32 * kF32 + 32 * kF16);
  EXPECT_EQ(estimate.pass_bytes, 100 * (8 + 3 * 8 + 32) * kF32 + 100 * 32 * 2);
}

TEST_F(MemoryEstimateTest, Int4CountsFourBitsAndACodeEveryThirtyTwoForLayersAndAByteForTheLatentBlock) {
  const auto checkpoint = open({{"layers.0.mlp.up_proj.weight", {64, 256}},
                                {"latent_attention_model.cross_attend_blocks.1.fn.net.2.weight", {32, 128}}});
  const MemoryEstimate estimate = estimate_memory(small_bert(), checkpoint, model::Arithmetic::int4, 100, 1);
  constexpr int64_t kGroups = 2;  // of each row
  EXPECT_EQ(estimate.weight_bytes, 64 * 256 / 2 + 64 * 256 / 32 + 64 * kGroups * kF32 + 32 * 128 + 32 * kGroups * kF32);
}

TEST_F(MemoryEstimateTest, TheLatentBlockCountsAsFolded) {
  model::ModelConfig config;
  config.pooling = model::Pooling::latent_attention;
  config.d_model = 8;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = 4;
  config.d_ff = 16;
  config.n_latents = 4;
  config.n_cross_heads = 2;
  config.cross_head_dim = 16;
  const std::string block = "latent_attention_model.cross_attend_blocks.0.fn.";
  const auto checkpoint = open({{"embed_tokens.weight", {10, 8}},
                                {"latent_attention_model.latents", {4, 8}},
                                {block + "to_q.weight", {32, 8}},
                                {block + "to_kv.weight", {64, 8}},
                                {block + "to_out.weight", {8, 32}}});
  const MemoryEstimate estimate = estimate_memory(config, checkpoint, model::Arithmetic::f32, 2000, 1);
  EXPECT_EQ(estimate.weight_bytes, 10 * 8 * kF16 + 2 * (2 * 4 * 8) * kF32);
  EXPECT_EQ(estimate.pass_bytes, (2000 * (2 * 8 + 8 + 2 * 4) + 1024 * 16 + 512 * (8 + 2 * 4 + 8 * 8)) * kF32);
}

TEST_F(MemoryEstimateTest, AMistralPassHoldsNormedRowsInF32Only) {
  model::ModelConfig config;
  config.d_model = 8;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = 4;
  config.d_ff = 32;
  const auto checkpoint = open({{"embed_tokens.weight", {10, 8}}});
  const int64_t others = 8 + 2 * 4 + 32;  // queries, keys and values, the feed-forward layer's inside
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::f32, 100, 1).pass_bytes,
            100 * (2 * 8 + others) * kF32);
  EXPECT_EQ(estimate_memory(config, checkpoint, model::Arithmetic::int8, 100, 1).pass_bytes,
            100 * (8 + others) * kF32 + 100 * 32 * 2);
}

}  // namespace
}  // namespace lode::apps
