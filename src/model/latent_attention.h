// NV-Embed's latent attention pooling (arXiv:2405.17428, modeling_nvembed.py), folded at load. In the published form a
// token attends to n_latents learnt vectors through to_q, to_kv and to_out; K and V depend on weights only, so per head
// Wq^T K and V Wo^T are constants and three matrices of heads * cross_head_dim columns become two of heads * n_latents.
// The second feed-forward matrix is linear before a mean, so it is applied once a sequence. Both identities are exact
// in real arithmetic; tests/model keeps the unfolded form as the oracle.
#pragma once

#include <memory>

#include "base/error.h"
#include "kernels/context.h"
#include "model/config.h"
#include "model/encoder.h"
#include "model/loader.h"

namespace lode::model {

// Rows that go through the block at a time: bounds the memory of its widest layer (8 d_model floats a row).
inline constexpr int64_t kLatentRows = 512;
inline constexpr float kLatentNormEps = 1e-5F;  // torch's default: the configuration does not name it

class LatentAttention {
 public:
  static Result<std::unique_ptr<LatentAttention>> load(const ModelConfig& config, Loader& loader);
  ~LatentAttention();

  // vectors [n_seqs, d_model]: the mean over each sequence's rows, before the L2 norm. Overwrites hidden's rows.
  void pool(kernels::Context& context, const Hidden& hidden, float* vectors);

 private:
  struct Impl;
  explicit LatentAttention(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::model
