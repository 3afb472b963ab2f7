#include "model/config.h"

#include <gtest/gtest.h>

#include "synthetic_model.h"

namespace lode::model {
namespace {

using testing::SyntheticModel;
using weights::testing::outcome;

std::string read_of(const SyntheticModel& model) {
  const auto checkpoint = weights::Checkpoint::open(model.folder());
  if (!checkpoint) return outcome(checkpoint);
  return outcome(read_config(*checkpoint));
}

ModelConfig config_of(const SyntheticModel& model) {
  const auto checkpoint = weights::Checkpoint::open(model.folder());
  EXPECT_TRUE(checkpoint);
  const auto config = read_config(*checkpoint);
  EXPECT_TRUE(config) << outcome(config);
  return config ? *config : ModelConfig{};
}

TEST(Config, NvEmbedTakesItsLatentBlockFromClassDefaults) {
  const SyntheticModel model({});
  model.files().write("config.json",
                      R"({"model_type":"nvembed","latent_attention_config":{"model_type":"latent_attention"},
                      "text_config":{"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
                      "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000,"rms_norm_eps":1e-05,
                      "rope_theta":10000.0,"max_position_embeddings":32768,"sliding_window":4096}})");
  const ModelConfig config = config_of(model);
  EXPECT_EQ(config.pooling, Pooling::latent_attention);
  EXPECT_EQ(config.attention, Attention::bidirectional);
  EXPECT_EQ(config.n_latents, 512);
  EXPECT_EQ(config.n_cross_heads, 8);
  EXPECT_EQ(config.cross_head_dim, 4096);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.max_tokens, 4096);
  EXPECT_EQ(config.max_positions, 32768);
  EXPECT_TRUE(config.normalize);
  EXPECT_FALSE(config.pool_instruction);
  EXPECT_TRUE(config.append_eos_text);
  EXPECT_EQ(config.prompts.query, "Instruct: Given a question, retrieve passages that answer the question\nQuery: ");
}

TEST(Config, SidecarsDecidePoolingNormLengthAndPrompts) {
  const SyntheticModel model({.model_type = "mistral", .pooling = "lasttoken"});
  EXPECT_EQ(config_of(model).pooling, Pooling::last_token);
  EXPECT_EQ(config_of(model).attention, Attention::causal);
  EXPECT_TRUE(config_of(model).normalize);
  model.files().write("sentence_bert_config.json", R"({"max_seq_length":77})");
  EXPECT_EQ(config_of(model).max_tokens, 77);
  model.files().write("config_sentence_transformers.json",
                      R"({"prompts":{"query":"Q: ","document":"D: ","other":"x"}})");
  EXPECT_EQ(config_of(model).prompts.query, "Q: ");
  EXPECT_EQ(config_of(model).prompts.passage, "D: ");
  model.files().write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens":true,"include_prompt":false})");
  EXPECT_EQ(config_of(model).pooling, Pooling::mean);
  EXPECT_FALSE(config_of(model).pool_instruction);
  model.files().write("modules.json", R"([{"type":"sentence_transformers.models.Transformer","path":""}])");
  EXPECT_FALSE(config_of(model).normalize);
}

TEST(Config, AModelLimitIsNeverMoreThanItsPositions) {
  const SyntheticModel model({.model_type = "bert", .max_positions = 100});
  EXPECT_EQ(config_of(model).max_tokens, 100);
  model.files().write("sentence_bert_config.json", R"({"max_seq_length":512})");
  EXPECT_EQ(config_of(model).max_tokens, 100);
}

TEST(Config, TheBaseOfRotaryEmbeddingMayLieInRopeParameters) {
  const SyntheticModel model({.model_type = "mistral", .pooling = "lasttoken"});
  std::ifstream file(model.folder() / "config.json");
  const std::string config(std::istreambuf_iterator<char>(file), {});
  const auto theta_of = [&](const std::string& written) {
    const std::string own = R"("rope_theta":10000)";
    model.files().write("config.json", std::string(config).replace(config.find(own), own.size(), written));
    return config_of(model).rope_theta;
  };
  EXPECT_EQ(theta_of(R"("rope_parameters":{"rope_theta":1000000.0})"), 1e6);
  EXPECT_EQ(theta_of(R"("rope_parameters":{"rope_theta":5e4,"rope_type":"default","factor":null})"), 5e4);
  EXPECT_EQ(theta_of(R"("rope_theta":7e4,"rope_parameters":{"rope_theta":7e4,"type":"default"})"), 7e4);
  EXPECT_EQ(theta_of(R"("rope_theta":7e4,"rope_parameters":{"partial_rotary_factor":1})"), 7e4);
  EXPECT_EQ(theta_of(R"("rope_parameters":null)"), 1e4);
}

TEST(Config, RefusesWhatItWouldComputeWrongly) {
  struct Case {
    std::string from, to, says;
  };
  const std::vector<Case> cases = {
      {R"("model_type":"mistral")", R"("model_type":"gpt2")", "gpt2"},
      {R"("hidden_act":"silu")", R"("hidden_act":"relu")", "relu"},
      {R"("head_dim":8)", R"("head_dim":7)", "even"},
      {R"("num_key_value_heads":2)", R"("num_key_value_heads":4)", "not a multiple"},
      {R"("hidden_size":48)", R"("hidden_size":-1)", "hidden_size is -1"},
      {R"("hidden_size":48)", R"("hidden_size":"48")", "whole number"},
      {R"("hidden_size":48)", R"("hidden_sise":48)", "hidden_size is missing"},
      {R"("num_hidden_layers":2)", R"("num_hidden_layers":99999999999)", "num_hidden_layers"},
      {R"("rope_theta":10000)", R"("rope_theta":0)", "rope_theta"},
      {R"("rope_theta":10000)", R"("rope_scaling":{"factor":2})", "rope_scaling"},
      {R"("rope_theta":10000)", R"("attention_bias":true)", "attention_bias"},
      {R"("rope_theta":10000)", R"("partial_rotary_factor":0.5)", "partial_rotary_factor is 0.5"},
      {R"("rope_theta":10000)", R"("rope_parameters":{"rope_theta":5,"rope_type":"yarn","factor":4})", "\"yarn\""},
      {R"("rope_theta":10000)", R"("rope_parameters":{"rope_theta":5,"type":"linear"})", "\"linear\""},
      {R"("rope_theta":10000)", R"("rope_parameters":{"rope_theta":5,"factor":4})", "rope_parameters has factor 4"},
      {R"("rope_theta":10000)", R"("rope_parameters":{"full_attention":{"rope_theta":5}})", "full_attention"},
      {R"("rope_theta":10000)", R"("rope_parameters":{"partial_rotary_factor":0.5})", "partial_rotary_factor"},
      {R"("rope_theta":10000)", R"("rope_parameters":7)", "rope_parameters is 7"},
      {R"("rope_theta":10000)", R"("rope_theta":10000,"rope_parameters":{"rope_theta":5})", "that of rope_parameters"},
      {R"("model_type":"mistral")", R"("model_type":null)", "model_type is missing"},
  };
  for (const Case& c : cases) {
    const SyntheticModel model({.model_type = "mistral", .pooling = "lasttoken"});
    std::ifstream file(model.folder() / "config.json");
    std::string config(std::istreambuf_iterator<char>(file), {});
    ASSERT_NE(config.find(c.from), std::string::npos) << c.from;
    model.files().write("config.json", config.replace(config.find(c.from), c.from.size(), c.to));
    EXPECT_SAYS(read_of(model), "config.json", c.says);
  }
}

TEST(Config, RefusesPoolingsAndModulesThatItLacks) {
  const SyntheticModel model({.model_type = "mistral", .pooling = "lasttoken"});
  model.files().write("1_Pooling/config.json", R"({"pooling_mode_max_tokens":true})");
  EXPECT_SAYS(read_of(model), "1_Pooling/config.json", "pooling_mode_max_tokens");
  model.files().write("1_Pooling/config.json", R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true})");
  EXPECT_SAYS(read_of(model), "2 pooling modes");
  model.files().write("1_Pooling/config.json", R"({"pooling_mode_cls_token":true,"word_embedding_dimension":768})");
  EXPECT_SAYS(read_of(model), "768", "48");
  model.files().write("1_Pooling/config.json", R"({"pooling_mode_cls_token":true})");
  EXPECT_SAYS(read_of(model), "unsupported:", "first token", "causal");
  model.files().write("modules.json", R"([{"type":"sentence_transformers.models.Dense","path":"2_Dense"}])");
  EXPECT_SAYS(read_of(model), "Dense");
  model.files().write("modules.json", R"({"type":1})");
  EXPECT_SAYS(read_of(model), "modules.json");
}

}  // namespace
}  // namespace lode::model
