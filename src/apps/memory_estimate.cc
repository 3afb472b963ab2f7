#include "apps/memory_estimate.h"

#include <algorithm>
#include <string_view>

#include "kernels/bf16_weight.h"
#include "model/encoder.h"
#include "model/latent_attention.h"
#include "model/latent_folding.h"
#include "model/rounding.h"

namespace lode::apps {
namespace {

constexpr int64_t kF32Bytes = 4;

// Of a matrix in BF16, in panels of the widest path.
int64_t bf16_bytes(int64_t n, int64_t k) {
  return kernels::Bf16Weight::bytes_of(n, k, kernels::kMostPanelWidth);
}

int64_t packed_bytes(kernels::Bits bits, int64_t n, int64_t k) {
  return kernels::PackedMatrix{.packing = {bits, true}, .n = n, .k = k}.n_bytes();
}

// The four tensors that go into the folded scores and values, and these two.
int64_t folding_saves(const model::ModelConfig& config, const weights::Checkpoint& checkpoint,
                      model::Arithmetic arithmetic) {
  if (checkpoint.find(model::kFoldedScores) != nullptr) return 0;
  const int64_t d = config.d_model, n_weights = config.n_cross_heads * config.n_latents;
  int64_t saved = -2 * n_weights * d * kF32Bytes;
  if (const auto packing = model::latent_packing(arithmetic)) {
    saved = -packed_bytes(packing->bits, n_weights, d) - packed_bytes(packing->bits, d, n_weights);
  } else if (arithmetic == model::Arithmetic::bf16) {
    saved = -bf16_bytes(n_weights, d) - bf16_bytes(d, n_weights);
  }
  for (const std::string_view name :
       {"latents", "cross_attend_blocks.0.fn.to_q.weight", "cross_attend_blocks.0.fn.to_kv.weight",
        "cross_attend_blocks.0.fn.to_out.weight"}) {
    const weights::Tensor* const tensor = checkpoint.find(std::string("latent_attention_model.").append(name));
    if (tensor != nullptr) saved += static_cast<int64_t>(tensor->n_bytes);
  }
  return saved;
}

// Rows of a pass that a BERT stack has between its products at a time, all threads at one part or each at its own.
int64_t bert_rows(const model::ModelConfig& config, int64_t n_tokens, int n_threads) {
  const int64_t longest = config.max_positions;
  return std::min(n_tokens,
                  std::max({model::kBertRows, longest, n_threads * std::max(model::kBertThreadRows, longest)}));
}

// Floats that one pass holds: the residual stream, its normed copy where that is not rounded at once, queries, keys and
// values, and the widest layer's inside.
int64_t pass_floats(const model::ModelConfig& config, model::Arithmetic arithmetic, int64_t n_tokens, int n_threads) {
  const int64_t d = config.d_model;
  const int64_t q_dim = config.n_heads * config.head_dim;
  const int64_t kv_dim = 2 * config.n_kv_heads * config.head_dim;
  if (config.architecture == model::Architecture::bert) {
    return n_tokens * d + bert_rows(config, n_tokens, n_threads) * (q_dim + kv_dim + config.d_ff);
  }
  const int64_t streams = arithmetic == model::Arithmetic::f32 ? 2 : 1;
  int64_t floats = n_tokens * (streams * d + q_dim + kv_dim) + std::min(n_tokens, model::kMlpRows) * config.d_ff;
  if (config.pooling == model::Pooling::latent_attention) {
    floats += std::min(n_tokens, model::kLatentRows) * (d + config.n_cross_heads * config.n_latents + 8 * d);
  }
  return floats;
}

// By linear layers in BF16, 8 or 4 bits; what was rounded before stays as it is.
int64_t rounding_saves(const weights::Checkpoint& checkpoint, model::Arithmetic arithmetic) {
  const kernels::Bits bits = arithmetic == model::Arithmetic::int4 ? kernels::Bits::four : kernels::Bits::eight;
  int64_t saved = 0;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    const bool in_layer = model::is_layer_weight(tensor);
    if (tensor.packing || (!in_layer && !model::is_latent_weight(tensor))) continue;
    const int64_t n = tensor.shape[0], k = tensor.shape[1];
    saved += static_cast<int64_t>(tensor.n_bytes) - (arithmetic == model::Arithmetic::bf16
                                                         ? bf16_bytes(n, k)
                                                         : packed_bytes(in_layer ? bits : kernels::Bits::eight, n, k));
  }
  return saved;
}

// Of the rows that one product rounds, in 16 bits each.
int64_t rounded_bytes(const model::ModelConfig& config, int64_t n_tokens, int n_threads) {
  const bool bert = config.architecture == model::Architecture::bert;
  const int64_t rows = bert ? bert_rows(config, n_tokens, n_threads) : n_tokens;
  const int64_t mlp_rows = bert ? rows : std::min(n_tokens, model::kMlpRows);
  return 2 * std::max({rows * config.d_model, rows * config.n_heads * config.head_dim, mlp_rows * config.d_ff});
}

}  // namespace

MemoryEstimate estimate_memory(const model::ModelConfig& config, const weights::Checkpoint& checkpoint,
                               model::Arithmetic arithmetic, int64_t pass_tokens, int n_threads) {
  MemoryEstimate estimate;
  estimate.weight_bytes = static_cast<int64_t>(checkpoint.total_bytes());
  if (config.pooling == model::Pooling::latent_attention)
    estimate.weight_bytes -= folding_saves(config, checkpoint, arithmetic);
  estimate.pass_tokens = pass_tokens;
  estimate.pass_bytes = pass_floats(config, arithmetic, pass_tokens, n_threads) * kF32Bytes;
  if (arithmetic != model::Arithmetic::f32) {
    estimate.weight_bytes -= rounding_saves(checkpoint, arithmetic);
    estimate.pass_bytes += rounded_bytes(config, pass_tokens, n_threads);
  }
  return estimate;
}

}  // namespace lode::apps
