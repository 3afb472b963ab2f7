// NV-Embed's cross attention folded over its latents: K and V depend on weights only, so per head Wq^T K and V Wo^T are
// constants. Exact in real arithmetic. Used while a model loads, by one thread.
#pragma once

#include <string_view>

#include "base/error.h"
#include "kernels/buffer.h"
#include "model/config.h"
#include "model/loader.h"

namespace lode::model {

// Names of the two in files that hold them folded: [n_heads * n_latents, d_model] and [d_model, n_heads * n_latents].
inline constexpr std::string_view kFoldedScores = "latent_attention_model.folded_scores.weight";
inline constexpr std::string_view kFoldedValues = "latent_attention_model.folded_values.weight";

struct FoldedAttention {
  kernels::Buffer<float> scores;  // [n_heads * n_latents, d_model]: K_h Wq_h
  kernels::Buffer<float> values;  // [n_heads * n_latents, d_model]: V_h Wo_h^T
};

// Empty from a loader that only checks.
Result<FoldedAttention> fold_attention(const ModelConfig& config, Loader& loader);

}  // namespace lode::model
