#include "model/latent_folding.h"

#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/gemm.h"
#include "model/latent_attention.h"

namespace lode::model {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::MatrixView;
using kernels::padded_stride;
using kernels::Weight;

}  // namespace

Result<FoldedAttention> fold_attention(const ModelConfig& config, Loader& loader) {
  Context& context = loader.context();
  const kernels::Kernels& k = context.kernels;
  const int64_t d_model = config.d_model;
  const int64_t n_latents = config.n_latents;
  const int64_t n_heads = config.n_cross_heads;
  const std::string block = "latent_attention_model.cross_attend_blocks.0.";
  const int64_t head_dim = config.cross_head_dim;
  const int64_t inner = n_heads * head_dim;
  const std::string latents_name = "latent_attention_model.latents";
  const std::string q_name = block + "fn.to_q.weight";
  const std::string kv_name = block + "fn.to_kv.weight";
  const std::string out_name = block + "fn.to_out.weight";

  // The context that tokens attend to: K over V = to_kv(norm_context(latents)), [n_latents, 2 * inner].
  LODE_ASSIGN(std::vector<float> latents, loader.matrix_f32(latents_name, n_latents, d_model));
  LODE_ASSIGN(const std::vector<float> norm, loader.vector(block + "norm_context.weight", d_model));
  LODE_ASSIGN(const std::vector<float> norm_bias, loader.vector(block + "norm_context.bias", d_model));
  LODE_ASSIGN(const MatrixView to_kv, loader.matrix(kv_name, 2 * inner, d_model));
  LODE_ASSIGN(const MatrixView to_q, loader.matrix(q_name, inner, d_model));
  LODE_ASSIGN(const MatrixView to_out, loader.matrix(out_name, d_model, inner));
  if (head_dim % kernels::layout(to_out.dtype).block != 0) {
    return fail(Code::unsupported,
                fmt::format("tensor {} is {}, whose blocks of {} elements do not fit heads of {}", out_name,
                            kernels::name(to_out.dtype), kernels::layout(to_out.dtype).block, head_dim),
                "Convert the model to a type with smaller blocks, such as Q8_0.");
  }
  if (loader.checks_only()) return FoldedAttention();
  for (int64_t row = 0; row < n_latents; ++row) {
    float* x = latents.data() + row * d_model;
    k.layer_norm(x, norm.data(), norm_bias.data(), d_model, kLatentNormEps, x);
  }
  const int64_t kv_stride = padded_stride(2 * inner);
  Buffer<float> kv(static_cast<size_t>(n_latents * kv_stride));
  kernels::gemm(context, latents.data(), d_model, n_latents, Weight::in_place(std::span(&to_kv, 1)), kv.data(),
                kv_stride);
  loader.release(kv_name);

  // Per head, both of [n_latents, d_model]: K_h Wq_h and V_h Wo_h^T.
  FoldedAttention folded;
  folded.scores.resize(static_cast<size_t>(n_heads * n_latents * d_model));
  folded.values.resize(static_cast<size_t>(n_heads * n_latents * d_model));
  Buffer<float> wq(static_cast<size_t>(head_dim * d_model));
  for (int64_t head = 0; head < n_heads; ++head) {
    const int64_t column = head * head_dim;
    k.to_f32(to_q.row(column), to_q.dtype, head_dim * d_model, wq.data());
    const Weight wq_t = Weight::packed_transposed(context, wq.data(), d_model, head_dim);
    kernels::gemm(context, kv.data() + column, kv_stride, n_latents, wq_t,
                  folded.scores.data() + head * n_latents * d_model, d_model);
    const MatrixView wo = {to_out.data + kernels::row_bytes(to_out.dtype, column), to_out.dtype, d_model, head_dim,
                           inner};
    kernels::gemm(context, kv.data() + inner + column, kv_stride, n_latents, Weight::in_place(std::span(&wo, 1)),
                  folded.values.data() + head * n_latents * d_model, d_model);
  }
  loader.release(q_name);
  loader.release(out_name);
  return folded;
}

}  // namespace lode::model
