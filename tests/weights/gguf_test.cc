// GGUF files as checkpoints: names, shapes, order of rows, the files that they carry or that are made of their
// metadata, and what is refused.
#include <gtest/gtest.h>

#include "base/gguf_head.h"
#include "model_folder.h"
#include "weights/checkpoint.h"
#include "weights/gguf_names.h"

namespace lode::weights {
namespace {

using testing::counting;
using testing::ModelFolder;
using testing::outcome;

const gguf::TensorType& f32() {
  return *gguf::tensor_type(0);
}

void add_llama_keys(gguf::Head& head, std::string_view architecture = "llama") {
  head.add("general.architecture", architecture);
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", architecture, name); };
  head.add(key("block_count"), uint32_t{1});
  head.add(key("context_length"), uint32_t{64});
  head.add(key("embedding_length"), uint32_t{8});
  head.add(key("feed_forward_length"), uint32_t{8});
  head.add(key("attention.head_count"), uint32_t{2});
  head.add(key("attention.layer_norm_rms_epsilon"), 1e-5F);
}

class GgufCheckpoint : public ::testing::Test {
 protected:
  std::filesystem::path write(const gguf::Head& head) const {
    return folder_.write("m.gguf", head.bytes() + counting(head.data_bytes()));
  }
  std::string opened(const gguf::Head& head) const { return outcome(Checkpoint::open(write(head))); }

  ModelFolder folder_;
};

TEST_F(GgufCheckpoint, ShowsTheFolderThatItCameFrom) {
  gguf::Head head;
  add_llama_keys(head);
  head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
  head.add_tensor("blk.0.attn_q.weight", f32(), std::vector<int64_t>{8, 8});
  head.add_tensor("blk.0.attn_v.weight", f32(), std::vector<int64_t>{8, 8});
  head.add_tensor("output.weight", f32(), std::vector<int64_t>{8, 3});
  const auto checkpoint = Checkpoint::open(write(head));
  ASSERT_TRUE(checkpoint) << checkpoint.error().line();
  ASSERT_EQ(checkpoint->tensors().size(), 3U);  // the head that predicts words is left out
  const Tensor* const embedding = checkpoint->find("embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(embedding->shape, (std::vector<int64_t>{3, 8}));
  EXPECT_EQ(embedding->interleaved, 0);
  EXPECT_EQ(checkpoint->find("layers.0.self_attn.q_proj.weight")->interleaved, 4);
  EXPECT_EQ(checkpoint->find("layers.0.self_attn.v_proj.weight")->interleaved, 0);
  EXPECT_EQ(checkpoint->config().get("model_type")->as_string(), "mistral");
  EXPECT_EQ(checkpoint->config().get("vocab_size")->as_int(), 3);
  EXPECT_EQ(checkpoint->config().get("rms_norm_eps")->as_double(), static_cast<double>(1e-5F));
  const auto pooling = checkpoint->sidecar("1_Pooling/config.json");
  ASSERT_TRUE(pooling && *pooling);
  EXPECT_EQ((*pooling)->get("pooling_mode_lasttoken")->as_bool(), true);
}

TEST_F(GgufCheckpoint, VectorsAreNormalisedWhetherOrNotThePoolingIsNamed) {
  for (const bool named : {false, true}) {
    gguf::Head head;
    add_llama_keys(head, "llama-embed");
    if (named) head.add("llama-embed.pooling_type", uint32_t{3});
    head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
    const auto checkpoint = Checkpoint::open(write(head));
    ASSERT_TRUE(checkpoint) << checkpoint.error().line();
    const auto modules = checkpoint->sidecar("modules.json");
    ASSERT_TRUE(modules && *modules);
    EXPECT_EQ((*modules)->items().back().get("type")->as_string(), "Normalize");
    EXPECT_TRUE((**checkpoint->sidecar("1_Pooling/config.json"))
                    .get(named ? "pooling_mode_lasttoken" : "pooling_mode_mean_tokens"));
  }
}

TEST_F(GgufCheckpoint, AttentionAndPoolingFollowTheMetadata) {
  gguf::Head head;
  add_llama_keys(head, "llama-embed");
  head.add("llama-embed.pooling_type", uint32_t{1});
  head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
  const auto checkpoint = Checkpoint::open(write(head));
  ASSERT_TRUE(checkpoint) << checkpoint.error().line();
  EXPECT_EQ(checkpoint->config().get("model_type")->as_string(), "mistralbidirectional");
  const auto pooling = checkpoint->sidecar("1_Pooling/config.json");
  ASSERT_TRUE(pooling && *pooling);
  EXPECT_EQ((*pooling)->get("pooling_mode_mean_tokens")->as_bool(), true);
}

TEST_F(GgufCheckpoint, CarriedFilesComeBeforeTheMetadata) {
  gguf::Head head;
  add_llama_keys(head);
  head.add("lode.file.config.json", R"({"model_type":"carried"})");
  head.add("lode.file.1_Pooling/config.json", R"({"a":1})");
  head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
  const auto checkpoint = Checkpoint::open(write(head));
  ASSERT_TRUE(checkpoint) << checkpoint.error().line();
  EXPECT_EQ(checkpoint->config().get("model_type")->as_string(), "carried");
  const auto sidecar = checkpoint->sidecar("1_Pooling/config.json");
  ASSERT_TRUE(sidecar && *sidecar);
  EXPECT_EQ((*sidecar)->get("a")->as_int(), 1);
}

TEST_F(GgufCheckpoint, RefusesWhatItWouldComputeOtherwise) {
  const auto refused = [&](auto change) {
    gguf::Head head;
    add_llama_keys(head);
    change(head);
    head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
    return opened(head);
  };
  EXPECT_EQ(refused([](gguf::Head&) {}), "accepted");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.rope.scaling.type", "yarn"); }),
              "unsupported:", "llama.rope.scaling.type is \"yarn\", expected none");
  for (const std::string key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    EXPECT_SAYS(refused([&](gguf::Head& h) { h.add(key, 4.0F); }), "unsupported:", key + " is 4, expected 1");
    EXPECT_EQ(refused([&](gguf::Head& h) { h.add(key, 1.0F); }), "accepted");
    EXPECT_EQ(refused([&](gguf::Head& h) {
                h.add(key, 4.0F);
                h.add("llama.rope.scaling.type", "none");
              }),
              "accepted");
  }
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.rope.scaling.attn_factor", 2.0F); }), "attn_factor is 2");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.expert_count", uint32_t{8}); }), "llama.expert_count is 8");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.rope.dimension_count", uint32_t{2}); }),
              "llama.rope.dimension_count is 2, expected 4");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.pooling_type", uint32_t{4}); }), "llama.pooling_type is 4");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.rope.freq_base", NAN); }), "expected a finite number");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("llama.attention.key_length", uint32_t{3}); }),
              "expected an even number");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("split.count", uint32_t{2}); }), "is one of several parts");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("lode.file.config.json", uint32_t{2}); }), "is u32, expected a string");
  EXPECT_SAYS(refused([](gguf::Head& h) { h.add("lode.file.config.json", "{"); }), "config.json is not valid JSON");
}

TEST_F(GgufCheckpoint, RefusesTensorsThatAreNoPartOfTheModel) {
  for (const std::string name : {"rope_freqs.weight", "blk.0.attn_q.bias2", "blk.00.attn_q.weight",
                                 "blk.0.attn_qkv.weight", "blk..attn_q.weight", "token_embd", "latents.weight"}) {
    gguf::Head head;
    add_llama_keys(head);
    head.add_tensor("token_embd.weight", f32(), std::vector<int64_t>{8, 3});
    head.add_tensor(name, f32(), std::vector<int64_t>{8});
    EXPECT_SAYS(opened(head), "unsupported:", "is none of a model of architecture llama", name);
  }
}

TEST_F(GgufCheckpoint, RefusesOtherArchitecturesAndMissingKeys) {
  gguf::Head none;
  EXPECT_SAYS(opened(none), "corrupt:", "general.architecture is missing");
  gguf::Head other;
  other.add("general.architecture", "gemma3");
  EXPECT_SAYS(opened(other), "unsupported:", "is \"gemma3\", expected bert, llama, llama-embed or nv-embed");
  gguf::Head bare;
  bare.add("general.architecture", "bert");
  EXPECT_SAYS(opened(bare), "corrupt:", "bert.embedding_length is missing");
  gguf::Head own;
  own.add("general.architecture", "nv-embed");
  EXPECT_SAYS(opened(own), "corrupt:", "lode.file.config.json is missing");
}

TEST_F(GgufCheckpoint, ATypeThatIsNotComputedWithIsRefusedWhenItIsNeeded) {
  gguf::Head head;
  add_llama_keys(head);
  head.add_tensor("token_embd.weight", *gguf::tensor_type(6), std::vector<int64_t>{32, 3});  // Q5_0
  const auto checkpoint = Checkpoint::open(write(head));
  ASSERT_TRUE(checkpoint) << checkpoint.error().line();
  EXPECT_SAYS(outcome(checkpoint->require("embed_tokens.weight", std::vector<int64_t>{3, 32})),
              "unsupported:", "is of type \"Q5_0\", expected one of F32, F16, BF16, Q8_0");
}

TEST(GgufNames, EveryNameOfACheckpointComesBack) {
  for (const auto& [architecture, names] :
       {std::pair{GgufArchitecture::bert,
                  std::vector<std::string>{"embeddings.LayerNorm.bias", "encoder.layer.11.attention.self.key.weight",
                                           "encoder.layer.0.attention.output.LayerNorm.weight",
                                           "encoder.layer.0.attention.output.dense.bias",
                                           "encoder.layer.0.output.LayerNorm.bias"}},
        std::pair{
            GgufArchitecture::nv_embed,
            std::vector<std::string>{"norm.weight", "layers.31.mlp.down_proj.weight", "latent_attention_model.latents",
                                     "latent_attention_model.cross_attend_blocks.0.norm_context.bias",
                                     "latent_attention_model.cross_attend_blocks.1.fn.net.2.bias"}}}) {
    for (const std::string& name : names) {
      const auto gguf = to_gguf_name(architecture, name);
      ASSERT_TRUE(gguf) << name;
      EXPECT_EQ(from_gguf_name(architecture, *gguf), name);
    }
  }
  EXPECT_EQ(to_gguf_name(GgufArchitecture::llama, "model.layers.3.self_attn.o_proj.weight"),
            "blk.3.attn_output.weight");
  EXPECT_FALSE(to_gguf_name(GgufArchitecture::llama, "latent_attention_model.latents"));
  EXPECT_FALSE(to_gguf_name(GgufArchitecture::bert, "model.layers.3.self_attn.o_proj.weight"));
}

TEST(GgufNames, WhatNoEmbeddingNeedsIsKnown) {
  for (const std::string name :
       {"lm_head.weight", "bert.pooler.dense.bias", "cls.predictions.bias", "embeddings.position_ids",
        "bert.embeddings.token_type_ids", "rotary_emb.inv_freq", "model.layers.3.self_attn.rotary_emb.inv_freq"}) {
    EXPECT_TRUE(is_unused_tensor(name)) << name;
  }
  EXPECT_FALSE(is_unused_tensor("model.layers.3.self_attn.q_proj.bias"));
}

}  // namespace
}  // namespace lode::weights
