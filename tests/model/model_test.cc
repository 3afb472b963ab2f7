// Whole models of odd shapes against the published formulas in double precision, on every instruction set; and the
// promise that a vector's bits do not depend on batch, order, threads or the pages that its weights lie on.
#include "model/model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "model/encoder.h"
#include "model/microbatch.h"
#include "synthetic_model.h"
#include "weights/gguf_names.h"

namespace lode::model {
namespace {

using testing::SyntheticConfig;
using testing::SyntheticModel;

struct Text {
  std::vector<int32_t> ids;
  int32_t pool_begin;
};

std::vector<Text> random_texts(std::mt19937& rng, int64_t vocab_size, const std::vector<int>& lengths,
                               bool instructed) {
  std::vector<Text> texts;
  for (const int length : lengths) {
    Text text;
    for (int i = 0; i < length; ++i)
      text.ids.push_back(static_cast<int32_t>(rng() % static_cast<uint32_t>(vocab_size)));
    text.pool_begin = instructed ? static_cast<int32_t>(rng() % static_cast<uint32_t>(length)) : 0;
    texts.push_back(std::move(text));
  }
  return texts;
}

Batch batch_of(const std::vector<Text>& texts) {
  Batch batch;
  batch.offsets.push_back(0);
  for (const Text& text : texts) {
    batch.ids.insert(batch.ids.end(), text.ids.begin(), text.ids.end());
    batch.offsets.push_back(static_cast<int32_t>(batch.ids.size()));
    batch.pool_begin.push_back(text.pool_begin);
  }
  return batch;
}

// A model with all that it needs.
struct Loaded {
  Loaded(const std::filesystem::path& folder, const kernels::Kernels& path, int n_threads)
      : pool(n_threads), context(path, pool), checkpoint(*weights::Checkpoint::open(folder)) {
    auto loaded = Model::load(checkpoint, context);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().line());
    if (loaded) model = std::move(*loaded);
  }
  std::vector<float> encode(const std::vector<Text>& texts) {
    std::vector<float> vectors(texts.size() * static_cast<size_t>(model->config().d_model));
    const Status status = model->encode(context, batch_of(texts), vectors.data());
    EXPECT_TRUE(status) << (status ? "" : status.error().line());
    return vectors;
  }
  ThreadPool pool;
  kernels::Context context;
  weights::Checkpoint checkpoint;
  std::unique_ptr<Model> model;
};

std::vector<SyntheticConfig> configs() {
  return {
      {},
      {.d_model = 32,
       .n_heads = 4,
       .n_kv_heads = 4,
       .head_dim = 8,
       .n_latents = 33,
       .n_cross_heads = 1,
       .cross_head_dim = 32,
       .rope_theta = 500,
       .eps = 1e-6,
       .seed = 2},
      {.d_model = 40,
       .n_heads = 5,
       .n_kv_heads = 1,
       .head_dim = 14,
       .d_ff = 37,
       .n_latents = 5,
       .n_cross_heads = 4,
       .cross_head_dim = 10,
       .dtype = "F16",
       .prefix = "embedding_model.",
       .seed = 3},
      {.model_type = "mistralbidirectional",
       .n_layers = 3,
       .rope_theta = 1e6,
       .dtype = "BF16",
       .prefix = "model.",
       .seed = 4},
      {.model_type = "mistral", .n_kv_heads = 3, .pooling = "lasttoken", .seed = 5},
      {.model_type = "bert", .eps = 1e-12, .seed = 6},
      {.model_type = "bert",
       .d_model = 33,
       .n_layers = 1,
       .n_heads = 3,
       .d_ff = 65,
       .eps = 1e-7,
       .dtype = "F16",
       .prefix = "bert.",
       .pooling = "cls",
       .seed = 7},
      {.model_type = "mistralbidirectional", .pooling = "cls", .seed = 8},
      {.model_type = "mistralbidirectional", .n_layers = 1, .pooling = "lasttoken", .seed = 9},
  };
}

class Models : public ::testing::TestWithParam<SyntheticConfig> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Models, ::testing::ValuesIn(configs()),
                         [](const auto& shape) { return shape.param.model_type + std::to_string(shape.param.seed); });

TEST_P(Models, AgreeWithTheFormulasInDoublePrecision) {
  const SyntheticModel synthetic(GetParam());
  std::mt19937 rng(GetParam().seed);
  const bool instructed = GetParam().model_type == "nvembed";
  const std::vector<Text> texts = random_texts(rng, GetParam().vocab_size, {1, 2, 5, 17, 60, 300}, instructed);
  std::vector<std::vector<double>> want;
  for (const Text& text : texts) want.push_back(synthetic.reference(text.ids, text.pool_begin));
  for (const kernels::Kernels* path : kernels::available()) {
    Loaded loaded(synthetic.folder(), *path, 2);
    const std::vector<float> got = loaded.encode(texts);
    const auto d = static_cast<size_t>(GetParam().d_model);
    for (size_t i = 0; i < texts.size(); ++i) {
      for (size_t c = 0; c < d; ++c) {
        ASSERT_NEAR(got[i * d + c], want[i][c], 2e-6) << name(path->isa) << ", text of " << texts[i].ids.size();
      }
    }
  }
}

TEST_P(Models, AVectorNeverDependsOnItsNeighbours) {
  const SyntheticModel synthetic(GetParam());
  std::mt19937 rng(100 + GetParam().seed);
  const bool instructed = GetParam().model_type == "nvembed";
  const std::vector<Text> texts =
      random_texts(rng, GetParam().vocab_size, {3, 1, 40, 7, 129, 2, 2, 64, 530, 300, 11, 26, 50}, instructed);
  const auto row_bytes = static_cast<size_t>(GetParam().d_model) * sizeof(float);
  const auto d = static_cast<size_t>(GetParam().d_model);
  for (const kernels::Kernels* path : kernels::available()) {
    Loaded two(synthetic.folder(), *path, 2);
    Loaded one(synthetic.folder(), *path, 1);
    std::vector<std::vector<float>> alone;
    for (const Text& text : texts) alone.push_back(one.encode({text}));
    for (int round = 0; round < 12; ++round) {
      std::vector<size_t> order(texts.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::shuffle(order.begin(), order.end(), rng);
      order.resize(1 + rng() % order.size());
      std::vector<Text> some;
      for (const size_t i : order) some.push_back(texts[i]);
      const std::vector<float> together = (round % 3 == 0 ? one : two).encode(some);
      for (size_t i = 0; i < order.size(); ++i) {
        ASSERT_EQ(0, std::memcmp(together.data() + i * d, alone[order[i]].data(), row_bytes))
            << name(path->isa) << ", text " << order[i] << " in a batch of " << order.size();
      }
    }
  }
}

TEST(Model, ThreadsThatEachTakeTextsOfTheirOwnComputeTheSame) {
  const SyntheticModel synthetic({.model_type = "bert"});
  std::mt19937 rng(5);
  const std::vector<Text> texts = random_texts(rng, 61, std::vector<int>(40, 19), false);
  ASSERT_FALSE(cut_for_threads(batch_of(texts), kBertThreadRows, 3).empty());
  for (const kernels::Kernels* path : kernels::available()) {
    Loaded three(synthetic.folder(), *path, 3);
    Loaded one(synthetic.folder(), *path, 1);
    const std::vector<float> together = three.encode(texts);
    EXPECT_EQ(together, one.encode(texts)) << name(path->isa);
    EXPECT_EQ(together, three.encode(texts)) << name(path->isa);
  }
}

TEST(Model, RefusesAConfigurationAtOddsWithTheTensors) {
  struct Case {
    std::string from, to, says;
  };
  const SyntheticModel synthetic({.model_type = "mistral", .pooling = "lasttoken"});
  std::string config;
  {
    std::ifstream file(synthetic.folder() / "config.json");
    config.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::vector<Case> cases = {
      {"\"hidden_size\":48", "\"hidden_size\":64", "embed_tokens.weight"},
      {"\"intermediate_size\":80", "\"intermediate_size\":81", "gate_proj"},
      {"\"num_hidden_layers\":2", "\"num_hidden_layers\":3", "layers.2."},
      {"\"num_hidden_layers\":2", "\"num_hidden_layers\":1", "layers.1."},
      {"\"num_attention_heads\":6", "\"num_attention_heads\":4", "q_proj"},
      {"\"num_key_value_heads\":2", "\"num_key_value_heads\":3", "k_proj"},
      {"\"vocab_size\":61", "\"vocab_size\":62", "embed_tokens.weight"},
  };
  ThreadPool pool(1);
  kernels::Context context(*kernels::available().back(), pool);
  for (const Case& c : cases) {
    std::string changed = config;
    ASSERT_NE(changed.find(c.from), std::string::npos) << c.from;
    changed.replace(changed.find(c.from), c.from.size(), c.to);
    synthetic.files().write("config.json", changed);
    const auto checkpoint = weights::Checkpoint::open(synthetic.folder());
    ASSERT_TRUE(checkpoint);
    const auto model = Model::load(*checkpoint, context);
    EXPECT_FALSE(model) << c.to;
    if (!model) EXPECT_SAYS(weights::testing::outcome(model), c.says);
    EXPECT_EQ(weights::testing::outcome(Model::check(*checkpoint)), weights::testing::outcome(model));
  }
}

// What loading says, and checking alone.
std::string loaded(const SyntheticModel& synthetic) {
  const auto checkpoint = weights::Checkpoint::open(synthetic.folder());
  if (!checkpoint) return weights::testing::outcome(checkpoint);
  ThreadPool pool(1);
  kernels::Context context(*kernels::available().back(), pool);
  const std::string said = weights::testing::outcome(Model::load(*checkpoint, context));
  EXPECT_EQ(weights::testing::outcome(Model::check(*checkpoint)), said);
  return said;
}

TEST_P(Models, CheckingSaysWhatLoadingSays) {
  SyntheticModel synthetic(GetParam());
  EXPECT_EQ(loaded(synthetic), "accepted");
  std::vector<weights::testing::TensorSpec> all;
  synthetic.change([&](auto& tensors) { all = tensors; });
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string shown = fmt::format("\"{}\"", weights::bare_name(all[i].name));
    synthetic.change([&](auto& tensors) { tensors.erase(tensors.begin() + static_cast<ptrdiff_t>(i)); });
    EXPECT_SAYS(loaded(synthetic), "corrupt:", shown, "is missing");
    synthetic.change([&](auto& tensors) { tensors[i].shape.push_back(1); });
    EXPECT_SAYS(loaded(synthetic), "corrupt:", all[i].name, "expected [");
    synthetic.change([&](auto& tensors) { tensors[i] = {all[i].name, "I8", {1}, "x"}; });
    EXPECT_SAYS(loaded(synthetic), "unsupported:", all[i].name, "is of type \"I8\"");
  }
}

TEST(Model, RefusesTensorsOfTheStackThatItWouldLeaveOut) {
  const auto with = [](const std::string& type, const std::string& name, const std::string& dtype = "F32") {
    SyntheticModel synthetic({.model_type = type, .prefix = type == "bert" ? "bert." : "model."});
    const std::string data(dtype == "F64" ? 8 : 4, '\0');
    synthetic.change([&](auto& tensors) { tensors.push_back({name, dtype, {1}, data}); });
    return loaded(synthetic);
  };
  const std::string other = "mistralbidirectional";
  for (const std::string name :
       {"layers.0.self_attn.q_proj.bias", "model.layers.1.mlp.down_proj.bias", "model.layers.2.mlp.up_proj.weight",
        "model.layers.77.self_attn.q_proj.weight", "model.embed_tokens.bias", "norm.bias"}) {
    EXPECT_SAYS(with(other, name), "unsupported:", name, "is none of the model's (NV-EmbedCode, 2 layers");
    EXPECT_SAYS(with(other, name, "F64"), "unsupported:", name, "is none of the model's");
  }
  for (const std::string name :
       {"bert.embeddings.word_embeddings.bias", "embeddings.position_embeddings.bias",
        "bert.encoder.layer.2.output.dense.bias", "encoder.layer.0.attention.self.gate.bias"}) {
    EXPECT_SAYS(with("bert", name), "unsupported:", name, "is none of the model's (BERT");
  }
  EXPECT_SAYS(with(other, "embedding_model.norm.weight"), "corrupt:", "\"model.norm.weight\"", "are the same part");
  for (const std::string name : {"lm_head.weight", "model.rotary_emb.inv_freq", "linear.weight",
                                 "model.layers.0.self_attn.rotary_emb.inv_freq"}) {
    EXPECT_EQ(with(other, name), "accepted") << name;
  }
  for (const std::string name : {"bert.pooler.dense.bias", "cls.predictions.bias", "embeddings.position_ids"}) {
    EXPECT_EQ(with("bert", name, "F64"), "accepted") << name;
  }
}

TEST(Model, AResultThatIsNotFiniteIsAnError) {
  const SyntheticModel synthetic({.model_type = "bert"});
  // The last four bytes of the file belong to the last norm's bias: make it infinite.
  std::string bytes;
  {
    std::ifstream file(synthetic.folder() / "model.safetensors", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const float infinite = INFINITY;
  std::memcpy(bytes.data() + bytes.size() - 4, &infinite, 4);
  synthetic.files().write("model.safetensors", bytes);
  Loaded loaded(synthetic.folder(), *kernels::available().back(), 1);
  std::vector<float> vector(48);
  const Status status = loaded.model->encode(loaded.context, batch_of({{{1, 2, 3}, 0}}), vector.data());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::internal);
}

}  // namespace
}  // namespace lode::model
