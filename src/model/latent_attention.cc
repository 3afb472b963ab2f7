#include "model/latent_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/gemm.h"
#include "kernels/rows.h"
#include "model/row_mean.h"

namespace lode::model {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::MatrixView;
using kernels::padded_stride;
using kernels::Weight;

constexpr float kNormEps = 1e-5F;  // torch's default: the configuration does not name it

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

MatrixView f32_view(const float* data, int64_t rows, int64_t columns, int64_t stride) {
  return {reinterpret_cast<const std::byte*>(data), kernels::DType::f32, rows, columns, stride};
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
  Status fold(const ModelConfig& config, Loader& loader, const std::string& block);
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
  LODE_TRY(fold(config, loader, cross));
  LODE_ASSIGN(mlp_norm, load_norm(loader, mlp + "norm", d_model));
  LODE_ASSIGN(up, loader.linear({{mlp + "fn.net.0.weight", 2 * d_hidden}}, d_model));
  LODE_ASSIGN(up_bias, loader.vector(mlp + "fn.net.0.bias", 2 * d_hidden));
  LODE_ASSIGN(down, loader.linear({{mlp + "fn.net.2.weight", d_model}}, d_hidden));
  LODE_ASSIGN(down_bias, loader.vector(mlp + "fn.net.2.bias", d_model));
  return {};
}

Status LatentAttention::Impl::fold(const ModelConfig& config, Loader& loader, const std::string& block) {
  Context& context = loader.context();
  const kernels::Kernels& k = context.kernels;
  const int64_t head_dim = config.cross_head_dim;
  const int64_t inner = n_heads * head_dim;
  const std::string latents_name = "latent_attention_model.latents";
  const std::string q_name = block + "fn.to_q.weight";
  const std::string kv_name = block + "fn.to_kv.weight";
  const std::string out_name = block + "fn.to_out.weight";

  // The context that tokens attend to: K over V = to_kv(norm_context(latents)), [n_latents, 2 * inner].
  LODE_ASSIGN(std::vector<float> latents, loader.matrix_f32(latents_name, n_latents, d_model));
  LODE_ASSIGN(const Norm context_norm, load_norm(loader, block + "norm_context", d_model));
  for (int64_t row = 0; row < n_latents; ++row) {
    float* x = latents.data() + row * d_model;
    k.layer_norm(x, context_norm.weight.data(), context_norm.bias.data(), d_model, kNormEps, x);
  }
  LODE_ASSIGN(const MatrixView to_kv, loader.matrix(kv_name, 2 * inner, d_model));
  LODE_ASSIGN(const MatrixView to_q, loader.matrix(q_name, inner, d_model));
  LODE_ASSIGN(const MatrixView to_out, loader.matrix(out_name, d_model, inner));
  const int64_t kv_stride = padded_stride(2 * inner);
  Buffer<float> kv(static_cast<size_t>(n_latents * kv_stride));
  kernels::gemm(context, latents.data(), d_model, n_latents, Weight::in_place(std::span(&to_kv, 1)), kv.data(),
                kv_stride);
  loader.release(kv_name);

  // Per head, both of [n_latents, d_model]: K_h Wq_h and V_h Wo_h^T.
  Buffer<float> folded_scores(static_cast<size_t>(n_heads * n_latents * d_model));
  Buffer<float> folded_values(static_cast<size_t>(n_heads * n_latents * d_model));
  Buffer<float> wq(static_cast<size_t>(head_dim * d_model));
  if (head_dim % kernels::layout(to_out.dtype).block != 0) {
    return fail(Code::unsupported,
                fmt::format("tensor {} is {}, whose blocks of {} elements do not fit heads of {}", out_name,
                            kernels::name(to_out.dtype), kernels::layout(to_out.dtype).block, head_dim),
                "Convert the model to a type with smaller blocks, such as Q8_0.");
  }
  for (int64_t head = 0; head < n_heads; ++head) {
    const int64_t column = head * head_dim;
    k.to_f32(to_q.row(column), to_q.dtype, head_dim * d_model, wq.data());
    const Weight wq_t = Weight::packed_transposed(context, wq.data(), d_model, head_dim);
    kernels::gemm(context, kv.data() + column, kv_stride, n_latents, wq_t,
                  folded_scores.data() + head * n_latents * d_model, d_model);
    const MatrixView wo = {to_out.data + kernels::row_bytes(to_out.dtype, column), to_out.dtype, d_model, head_dim,
                           inner};
    kernels::gemm(context, kv.data() + inner + column, kv_stride, n_latents, Weight::in_place(std::span(&wo, 1)),
                  folded_values.data() + head * n_latents * d_model, d_model);
  }
  loader.release(q_name);
  loader.release(out_name);
  const MatrixView score_rows = f32_view(folded_scores.data(), n_heads * n_latents, d_model, d_model);
  scores = Weight::packed(context, std::span(&score_rows, 1));
  values = Weight::packed_transposed(context, folded_values.data(), d_model, n_heads * n_latents);
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
      k.layer_norm(x + row * tokens.stride, w.query_norm.weight.data(), w.query_norm.bias.data(), d, kNormEps,
                   normed + row * d_stride);
    });
    kernels::gemm(context, normed, d_stride, rows, w.scores, weights, weights_stride);
    kernels::for_rows(context, rows, n_weights, [&](int64_t row) {
      for (int64_t head = 0; head < w.n_heads; ++head) {
        float* p = weights + row * weights_stride + head * w.n_latents;
        const auto block = k.softmax_block(p, w.n_latents, w.score_factor, -3.0e38F);
        k.scale(p, 1.0F / block.sum, w.n_latents);
      }
    });
    kernels::gemm(context, weights, weights_stride, rows, w.values, x, tokens.stride, {.accumulate = true});
    token_mean.add(context, x, tokens.stride, rows);
    kernels::for_rows(context, rows, d, [&](int64_t row) {
      k.layer_norm(x + row * tokens.stride, w.mlp_norm.weight.data(), w.mlp_norm.bias.data(), d, kNormEps,
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
