#include "model/latent_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/gemm.h"
#include "kernels/rows.h"
#include "model/latent_folding.h"
#include "model/row_mean.h"

namespace lode::model {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::padded_stride;
using kernels::Weight;

struct Norm {
  std::vector<float> weight;
  std::vector<float> bias;
};

Result<Norm> load_norm(Loader& loader, const std::string& name, int64_t d) {
  Norm norm;
  LODE_ASSIGN(norm.weight, loader.vector(name + ".weight", d));
  LODE_ASSIGN(norm.bias, loader.vector(name + ".bias", d));
  return norm;
}

}  // namespace

struct LatentAttention::Impl {
  int64_t d_model = 0;
  int64_t n_latents = 0;
  int64_t n_heads = 0;
  int64_t d_hidden = 0;  // of the feed-forward block, after the gate
  float score_factor = 0;
  Norm query_norm;
  Weight scores;  // [n_heads * n_latents, d_model]: K_h Wq_h
  Weight values;  // [d_model, n_heads * n_latents]: (V_h Wo_h^T)^T
  Norm mlp_norm;
  Weight up;  // [2 * d_hidden, d_model], value over gate
  std::vector<float> up_bias;
  Weight down;  // [d_model, d_hidden]
  std::vector<float> down_bias;

  // Of the batch at hand.
  Buffer<float> normed;   // [kLatentRows, padded d_model]
  Buffer<float> weights;  // [kLatentRows, padded n_heads * n_latents]
  Buffer<float> hidden;   // [kLatentRows, padded 2 * d_hidden]
  Buffer<float> means;    // [n_seqs, d_hidden]

  Status load(const ModelConfig& config, Loader& loader);
  Status load_cross_attention(const ModelConfig& config, Loader& loader);
};

LatentAttention::LatentAttention(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LatentAttention::~LatentAttention() = default;

Result<std::unique_ptr<LatentAttention>> LatentAttention::load(const ModelConfig& config, Loader& loader) {
  auto impl = std::make_unique<Impl>();
  LODE_TRY(impl->load(config, loader));
  return std::unique_ptr<LatentAttention>(new LatentAttention(std::move(impl)));
}

Status LatentAttention::Impl::load(const ModelConfig& config, Loader& loader) {
  const std::string prefix = "latent_attention_model.";
  const std::string cross = prefix + "cross_attend_blocks.0.";
  const std::string mlp = prefix + "cross_attend_blocks.1.";
  d_model = config.d_model;
  n_latents = config.n_latents;
  n_heads = config.n_cross_heads;
  d_hidden = 4 * d_model;
  score_factor = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.cross_head_dim)));
  LODE_ASSIGN(query_norm, load_norm(loader, cross + "norm", d_model));
  LODE_TRY(load_cross_attention(config, loader));
  LODE_ASSIGN(mlp_norm, load_norm(loader, mlp + "norm", d_model));
  LODE_ASSIGN(up, loader.latent_linear({{mlp + "fn.net.0.weight", 2 * d_hidden}}, d_model));
  LODE_ASSIGN(up_bias, loader.vector(mlp + "fn.net.0.bias", 2 * d_hidden));
  LODE_ASSIGN(down, loader.latent_linear({{mlp + "fn.net.2.weight", d_model}}, d_hidden));
  LODE_ASSIGN(down_bias, loader.vector(mlp + "fn.net.2.bias", d_model));
  return {};
}

// Folded before, or now.
Status LatentAttention::Impl::load_cross_attention(const ModelConfig& config, Loader& loader) {
  const int64_t n_weights = n_heads * n_latents;
  if (loader.has(kFoldedScores)) {
    LODE_ASSIGN(scores, loader.latent_linear({{std::string(kFoldedScores), n_weights}}, d_model));
    LODE_ASSIGN(values, loader.latent_linear({{std::string(kFoldedValues), d_model}}, n_weights));
    return {};
  }
  LODE_ASSIGN(const FoldedAttention folded, fold_attention(config, loader));
  if (loader.checks_only()) return {};
  scores = loader.latent_computed(folded.scores.data(), n_weights, d_model);
  values = loader.latent_transposed(folded.values.data(), d_model, n_weights);
  return {};
}

void LatentAttention::pool(Context& context, const Hidden& tokens, float* vectors) {
  Impl& w = *impl_;
  const kernels::Kernels& k = context.kernels;
  const auto n_seqs = static_cast<int64_t>(tokens.offsets.size()) - 1;
  const int64_t d = w.d_model;
  const int64_t n_weights = w.n_heads * w.n_latents;
  const int64_t d_stride = padded_stride(d);
  const int64_t weights_stride = padded_stride(n_weights);
  const int64_t hidden_stride = padded_stride(2 * w.d_hidden);
  const int64_t most = std::min(kLatentRows, tokens.offsets.back());
  float* normed = w.normed.resize(static_cast<size_t>(most * d_stride));
  float* weights = w.weights.resize(static_cast<size_t>(most * weights_stride));
  float* hidden = w.hidden.resize(static_cast<size_t>(most * hidden_stride));
  float* means = w.means.resize(static_cast<size_t>(n_seqs * w.d_hidden));
  RowMean token_mean(tokens.offsets, d, vectors);
  RowMean hidden_mean(tokens.offsets, w.d_hidden, means);

  for (int64_t first = 0; first < tokens.offsets.back(); first += kLatentRows) {
    const int64_t rows = std::min(kLatentRows, tokens.offsets.back() - first);
    float* x = tokens.rows + first * tokens.stride;
    kernels::for_rows(context, rows, d, [&](int64_t row) {
      k.layer_norm(x + row * tokens.stride, w.query_norm.weight.data(), w.query_norm.bias.data(), d, kLatentNormEps,
                   normed + row * d_stride);
    });
    kernels::gemm(context, normed, d_stride, rows, w.scores, weights, weights_stride);
    kernels::for_rows(context, rows, n_weights, [&](int64_t row) {
      for (int64_t head = 0; head < w.n_heads; ++head) {
        float* p = weights + row * weights_stride + head * w.n_latents;
        const float sum = k.exponentials(p, w.n_latents, w.score_factor, k.largest(p, w.n_latents) * w.score_factor);
        k.scale(p, 1.0F / sum, w.n_latents, p);
      }
    });
    kernels::gemm(context, weights, weights_stride, rows, w.values, x, tokens.stride, {.accumulate = true});
    token_mean.add(context, x, tokens.stride, rows);
    kernels::for_rows(context, rows, d, [&](int64_t row) {
      k.layer_norm(x + row * tokens.stride, w.mlp_norm.weight.data(), w.mlp_norm.bias.data(), d, kLatentNormEps,
                   normed + row * d_stride);
    });
    kernels::gemm(context, normed, d_stride, rows, w.up, hidden, hidden_stride, {.bias = w.up_bias.data()});
    kernels::for_rows(context, rows, 2 * w.d_hidden, [&](int64_t row) {
      float* value = hidden + row * hidden_stride;
      k.mul_gelu(value, value + w.d_hidden, w.d_hidden);
    });
    hidden_mean.add(context, hidden, hidden_stride, rows);
  }
  // mean(h1 + W f + b) = mean(h1) + W mean(f) + b.
  kernels::gemm(context, means, w.d_hidden, n_seqs, w.down, vectors, d,
                {.bias = w.down_bias.data(), .accumulate = true});
}

}  // namespace lode::model
