#include "apps/gguf_metadata.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_cards.h"
#include "apps/model_files.h"
#include "apps/model_store.h"
#include "base/mapped_file.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using kernels::DType;
using weights::GgufArchitecture;

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr uint32_t kQuantizationVersion = 2;  // ggml's GGML_QNT_VERSION: the layout of the blocked types

// llama.cpp's number for "mostly of this type" (llama.h, enum llama_ftype).
uint32_t file_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return 0;
    case DType::f16: return 1;
    case DType::q4_0: return 2;
    case DType::q8_0: return 7;
    case DType::bf16: return 32;
    case DType::q4_1:
    case DType::q4_k:
    case DType::q5_k:
    case DType::q6_k: break;
  }
  return 0;
}

uint32_t pooling_type(model::Pooling pooling) {
  switch (pooling) {
    case model::Pooling::mean: return 1;
    case model::Pooling::cls: return 2;
    case model::Pooling::last_token: return 3;
    case model::Pooling::latent_attention: break;
  }
  return 0;
}

uint32_t number(int64_t n) {
  return static_cast<uint32_t>(n);
}

void add_sizes(const model::ModelConfig& c, gguf::Head& head) {
  const std::string arch(weights::name(gguf_architecture(c)));
  const auto add = [&](std::string_view key, auto value) { head.add(fmt::format("{}.{}", arch, key), value); };
  add("block_count", number(c.n_layers));
  add("context_length", number(c.max_positions));
  add("embedding_length", number(c.d_model));
  add("feed_forward_length", number(c.d_ff));
  add("attention.head_count", number(c.n_heads));
  add("attention.causal", c.attention == model::Attention::causal);
  if (c.architecture == model::Architecture::bert) {
    add("attention.layer_norm_epsilon", static_cast<float>(c.norm_eps));
  } else {
    add("attention.head_count_kv", number(c.n_kv_heads));
    add("attention.key_length", number(c.head_dim));
    add("attention.value_length", number(c.head_dim));
    add("attention.layer_norm_rms_epsilon", static_cast<float>(c.norm_eps));
    add("rope.dimension_count", number(c.head_dim));
    add("rope.freq_base", static_cast<float>(c.rope_theta));
    add("vocab_size", number(c.vocab_size));
  }
  if (c.pooling != model::Pooling::latent_attention) {
    add("pooling_type", pooling_type(c.pooling));
  } else {
    add("latent_count", number(c.n_latents));
    add("cross_attention.head_count", number(c.n_cross_heads));
    add("cross_attention.key_length", number(c.cross_head_dim));
  }
}

Status add_tokenizer(const fs::path& folder, const model::ModelConfig& config, gguf::Head& head) {
  LODE_ASSIGN(const auto tokenizer, text::load_tokenizer(folder));
  LODE_ASSIGN(text::GgufVocabulary vocabulary, text::gguf_vocabulary(folder, *tokenizer));
  // llama.cpp wants as many tokens as the embedding has rows.
  for (auto id = std::ssize(vocabulary.tokens); id < config.vocab_size; ++id) {
    constexpr int32_t kUnused = 5;
    vocabulary.tokens.push_back(fmt::format("[PAD{}]", id));
    vocabulary.types.push_back(kUnused);
    if (!vocabulary.scores.empty()) vocabulary.scores.push_back(-1000.0F);
  }
  const auto key = [](std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); };
  head.add(key("model"), vocabulary.model);
  head.add(key("pre"), vocabulary.model == "bert" ? "bert-bge" : "default");
  if (config.n_token_types > 0) head.add(key("token_type_count"), number(config.n_token_types));
  head.add(key("tokens"), vocabulary.tokens);
  if (!vocabulary.scores.empty()) head.add(key("scores"), std::span<const float>(vocabulary.scores));
  head.add(key("token_type"), std::span<const int32_t>(vocabulary.types));
  for (const auto& [name, id] : vocabulary.ids) head.add(key(name), id);
  for (const auto& [name, flag] : vocabulary.flags) head.add(key(name), flag);
  return {};
}

// The files that a load looks at; texts for people and the list of shards stay behind.
bool is_carried(std::string_view path) {
  constexpr std::array<std::string_view, 4> kVocabularies = {"tokenizer.json", "tokenizer.model", "vocab.txt",
                                                             "tokenizer_config.json"};
  if (path.ends_with(".safetensors") || path == "model.safetensors.index.json") return false;
  if (std::ranges::find(kVocabularies, path) != kVocabularies.end()) return true;
  return path.ends_with("config.json") || path == "modules.json" || path == "instructions.json" ||
         path == "config_sentence_transformers.json" || path == "special_tokens_map.json";
}

Status add_files(const fs::path& folder, gguf::Head& head) {
  LODE_ASSIGN(const std::vector<std::string> files, needed_files(folder));
  const bool has_json = std::ranges::find(files, "tokenizer.json") != files.end();
  for (const std::string& file : files) {
    if (!is_carried(file)) continue;
    if (has_json && (file == "tokenizer.model" || file == "vocab.txt")) continue;  // tokenizer.json is read first
    LODE_ASSIGN(const std::string bytes, read_regular_file(folder / file, kMaxFileBytes));
    const std::string key = fmt::format("{}{}", gguf::kCarriedFile, file);
    if (file == "tokenizer.model") {
      head.add_bytes(key, bytes);
    } else {
      head.add(key, std::string_view(bytes));
    }
  }
  return {};
}

void add_file_type(std::optional<DType> dtype, gguf::Head& head) {
  if (!dtype) return;
  head.add("general.file_type", file_type(*dtype));
  head.add("general.quantization_version", kQuantizationVersion);
}

Status copy_keys(const fs::path& path, std::optional<DType> dtype, gguf::Head& head) {
  LODE_ASSIGN(const MappedFile mapped, MappedFile::open(path));
  LODE_ASSIGN(const gguf::File file, gguf::parse(mapped.bytes(), path.string()));
  for (const gguf::File::Pair& pair : file.pairs) {
    if (pair.key == "general.alignment" || pair.key == "general.file_type" ||
        pair.key == "general.quantization_version") {
      continue;
    }
    head.add(pair.key, pair.value);
  }
  add_file_type(dtype, head);
  return {};
}

}  // namespace

GgufArchitecture gguf_architecture(const model::ModelConfig& config) {
  if (config.architecture == model::Architecture::bert) return GgufArchitecture::bert;
  if (config.pooling == model::Pooling::latent_attention) return GgufArchitecture::nv_embed;
  return config.attention == model::Attention::causal ? GgufArchitecture::llama : GgufArchitecture::llama_embed;
}

Status add_gguf_metadata(const fs::path& path, const model::ModelConfig& config, std::optional<DType> dtype,
                         gguf::Head& head) {
  if (gguf::is_gguf_file(path)) return copy_keys(path, dtype, head);
  head.add("general.architecture", weights::name(gguf_architecture(config)));
  head.add("general.type", "model");
  head.add("general.name", std::string_view(served_name(path)));
  const server::ModelCard card = read_model_card(path);
  if (!card.licence.empty()) head.add("general.license", std::string_view(card.licence));
  if (!card.licence_url.empty()) head.add("general.license.link", std::string_view(card.licence_url));
  add_file_type(dtype, head);
  add_sizes(config, head);
  LODE_TRY(add_tokenizer(path, config, head));
  return add_files(path, head);
}

}  // namespace lode::apps
