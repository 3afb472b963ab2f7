// Everything that decides what a model computes, read once from its folder (config.json and the sentence-transformers
// sidecars). A new family member is a row in config.cc's table, not a branch elsewhere. Plain data.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "weights/checkpoint.h"

namespace lode::model {

enum class Architecture : uint8_t { mistral, bert };
enum class Attention : uint8_t { bidirectional, causal };
enum class Pooling : uint8_t { mean, latent_attention, last_token, cls };

std::string_view name(Architecture architecture);
std::string_view name(Attention attention);
std::string_view name(Pooling pooling);

struct Prompts {
  std::string task_template;  // "Instruct: {task}\nQuery: "; empty when the model takes no instruction
  std::string query;          // put in front of a query when the caller gives none
  std::string passage;
};

struct ModelConfig {
  std::string family;  // "NV-Embed", "NV-EmbedCode", "Mistral embedding", "BERT"
  Architecture architecture = Architecture::mistral;
  Attention attention = Attention::bidirectional;
  Pooling pooling = Pooling::mean;
  bool normalize = true;         // L2 norm of the pooled vector
  bool pool_instruction = true;  // false: instruction tokens are attended to but not pooled (NV-Embed)
  bool append_eos_text = false;  // the reference appends a literal "</s>" to the text; truncation may cut it off

  int64_t n_layers = 0;
  int64_t d_model = 0;
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t d_ff = 0;
  int64_t vocab_size = 0;
  int64_t n_token_types = 0;  // BERT
  double norm_eps = 1e-5;
  double rope_theta = 10000;
  int64_t max_positions = 0;  // hard limit of a sequence
  int64_t max_tokens = 0;     // default limit of a sequence, at most max_positions

  // Latent attention (NV-Embed, reference: modeling_nvembed.py): n_latents learnt keys/values of d_model.
  int64_t n_latents = 0;
  int64_t n_cross_heads = 0;
  int64_t cross_head_dim = 0;

  Prompts prompts;
};

Result<ModelConfig> read_config(const weights::Checkpoint& checkpoint);

}  // namespace lode::model
