#include "apps/memory_estimate.h"

#include <algorithm>
#include <string_view>

#include "model/encoder.h"
#include "model/latent_attention.h"

namespace lode::apps {
namespace {

constexpr int64_t kF32Bytes = 4;

// The four tensors that go into the folded scores and values, [n_cross_heads * n_latents, d_model] of f32 each.
int64_t folding_saves(const model::ModelConfig& config, const weights::Checkpoint& checkpoint) {
  int64_t saved = -2 * config.n_cross_heads * config.n_latents * config.d_model * kF32Bytes;
  for (const std::string_view name :
       {"latents", "cross_attend_blocks.0.fn.to_q.weight", "cross_attend_blocks.0.fn.to_kv.weight",
        "cross_attend_blocks.0.fn.to_out.weight"}) {
    const weights::Tensor* const tensor = checkpoint.find(std::string("latent_attention_model.").append(name));
    if (tensor != nullptr) saved += static_cast<int64_t>(tensor->n_bytes);
  }
  return saved;
}

// Floats that one pass holds: the residual stream, its normed copy, queries, keys and values, and the widest layer's
// inside.
int64_t pass_floats(const model::ModelConfig& config, int64_t n_tokens) {
  const int64_t d = config.d_model;
  const int64_t q_dim = config.n_heads * config.head_dim;
  const int64_t kv_dim = 2 * config.n_kv_heads * config.head_dim;
  if (config.architecture == model::Architecture::bert) return n_tokens * (d + q_dim + kv_dim + config.d_ff);
  int64_t floats = n_tokens * (2 * d + q_dim + kv_dim) + std::min(n_tokens, model::kMlpRows) * 2 * config.d_ff;
  if (config.pooling == model::Pooling::latent_attention) {
    floats += std::min(n_tokens, model::kLatentRows) * (d + config.n_cross_heads * config.n_latents + 8 * d);
  }
  return floats;
}

// By linear layers in 8 bits with a scale a row; their padding is not counted.
int64_t rounding_saves(const weights::Checkpoint& checkpoint) {
  int64_t saved = 0;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    const bool in_layer = tensor.name.contains("layers.") || tensor.name.contains("encoder.layer.");
    if (!in_layer || tensor.shape.size() != 2) continue;
    saved += static_cast<int64_t>(tensor.n_bytes) - tensor.n_elements() - tensor.shape.front() * kF32Bytes;
  }
  return saved;
}

// Of the rows that one product rounds, in 16 bits each.
int64_t rounded_bytes(const model::ModelConfig& config, int64_t n_tokens) {
  const int64_t mlp_rows =
      config.architecture == model::Architecture::bert ? n_tokens : std::min(n_tokens, model::kMlpRows);
  return 2 * std::max({n_tokens * config.d_model, n_tokens * config.n_heads * config.head_dim, mlp_rows * config.d_ff});
}

}  // namespace

MemoryEstimate estimate_memory(const model::ModelConfig& config, const weights::Checkpoint& checkpoint,
                               model::Arithmetic arithmetic, int64_t pass_tokens) {
  MemoryEstimate estimate;
  estimate.weight_bytes = static_cast<int64_t>(checkpoint.total_bytes());
  if (config.pooling == model::Pooling::latent_attention) estimate.weight_bytes -= folding_saves(config, checkpoint);
  estimate.pass_tokens = pass_tokens;
  estimate.pass_bytes = pass_floats(config, pass_tokens) * kF32Bytes;
  if (arithmetic == model::Arithmetic::int8) {
    estimate.weight_bytes -= rounding_saves(checkpoint);
    estimate.pass_bytes += rounded_bytes(config, pass_tokens);
  }
  return estimate;
}

}  // namespace lode::apps
