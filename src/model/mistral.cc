// The Mistral stack of NV-Embed, NV-EmbedCode and SFR-Embedding (transformers' MistralModel, without a cache and, where
// the model says so, without the causal mask).
#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "kernels/rows.h"
#include "model/encoder.h"
#include "model/rotary.h"

namespace lode::model {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::padded_stride;
using kernels::Weight;

struct Layer {
  std::vector<float> attention_norm;  // [d_model]
  std::vector<float> mlp_norm;        // [d_model]
  Weight q;                           // [n_heads * head_dim, d_model]
  Weight kv;                          // [2 * n_kv_heads * head_dim, d_model], K over V
  Weight o;                           // [d_model, n_heads * head_dim]
  Weight gate_up;                     // [2 * d_ff, d_model], gated
  Weight down;                        // [d_model, d_ff]
};

// Which rows of a batch a layer computes, sequence by sequence. Queries are neighbours; where they are not the last
// ones of their sequence (the first token alone is pooled), attention is bidirectional, so that `span` may say they
// were.
struct Queries {
  std::vector<kernels::AttentionSpan> spans;  // [n_seqs]
  std::vector<int64_t> positions;             // [n_seqs], of each sequence's first query

  void clear() {
    spans.clear();
    positions.clear();
  }
  void add(const kernels::AttentionSpan& span, int64_t position) {
    spans.push_back(span);
    positions.push_back(position);
  }
};

class Mistral final : public Encoder {
 public:
  Mistral(const ModelConfig& config, kernels::MatrixView embedding, std::vector<Layer> layers, std::vector<float> norm,
          kernels::AttentionRounding attention_rounding)
      : config_(config),
        embedding_(embedding),
        layers_(std::move(layers)),
        norm_(std::move(norm)),
        attention_rounding_(attention_rounding),
        rotary_(config.head_dim, config.rope_theta),
        stride_(padded_stride(config.d_model)),
        q_stride_(padded_stride(config.n_heads * config.head_dim)),
        kv_stride_(padded_stride(2 * config.n_kv_heads * config.head_dim)),
        mlp_stride_(padded_stride(config.d_ff)) {}

  Hidden forward(Context& context, const Batch& batch) override {
    const auto n_tokens = static_cast<int64_t>(batch.n_tokens());
    plan(batch);
    embed(context, batch);
    q_.resize(static_cast<size_t>(n_tokens * q_stride_));
    kv_.resize(static_cast<size_t>(n_tokens * kv_stride_));
    for (size_t i = 0; i + 1 < layers_.size(); ++i) layer(context, layers_[i], all_, n_tokens, n_tokens);
    // Past the last layer's keys and values only pooled positions matter.
    const int64_t n_pooled = pooled_rows_.back();
    layer(context, layers_.back(), pooled_, n_tokens, n_pooled);
    kernels::for_rows(context, n_pooled, config_.d_model, [&](int64_t row) {
      float* x = x_.data() + row * stride_;
      context.kernels.rms_norm(x, norm_.data(), config_.d_model, eps(), x);
    });
    return {x_.data(), stride_, pooled_rows_};
  }

 private:
  [[nodiscard]] float eps() const { return static_cast<float>(config_.norm_eps); }

  // Positions of all tokens, and for every sequence which queries the inner layers and the last one compute.
  void plan(const Batch& batch) {
    positions_.clear();
    all_.clear();
    pooled_.clear();
    pooled_rows_.assign(1, 0);
    int64_t longest = 0;
    for (size_t i = 0; i < batch.n_seqs(); ++i) {
      const int64_t first = batch.offsets[i];
      const int64_t length = batch.length(i);
      for (int64_t p = 0; p < length; ++p) positions_.push_back(p);
      const PooledSpan span = pooled_span(config_, batch, i);
      const int64_t n_pooled = span.end - span.begin;
      all_.add({first, length, first, length}, 0);
      pooled_.add({first, length, pooled_rows_.back(), n_pooled}, span.begin);
      pooled_rows_.push_back(pooled_rows_.back() + n_pooled);
      longest = std::max(longest, length);
    }
    rotary_.reserve(longest);
  }

  void embed(Context& context, const Batch& batch) {
    const auto n_tokens = static_cast<int64_t>(batch.n_tokens());
    x_.resize(static_cast<size_t>(n_tokens * stride_));
    const int64_t row_bytes = kernels::row_bytes(embedding_.dtype, config_.d_model);
    kernels::for_rows(context, n_tokens, config_.d_model, [&](int64_t row) {
      const std::byte* source = embedding_.data + batch.ids[static_cast<size_t>(row)] * row_bytes;
      context.kernels.to_f32(source, embedding_.dtype, config_.d_model, x_.data() + row * stride_);
    });
  }

  // One layer over n_tokens keys; afterwards x_ holds the n_rows rows that `queries` ask for, in their order.
  void layer(Context& context, const Layer& w, const Queries& queries, int64_t n_tokens, int64_t n_rows) {
    const kernels::Kernels& k = context.kernels;
    const int64_t kv_dim = config_.n_kv_heads * config_.head_dim;
    const kernels::RowReader normed = normed_rows(k, x_.data(), w.attention_norm);
    const kernels::Product keys_and_values = {w.kv, kv_.data(), kv_stride_};
    const kernels::Product projected = {w.q, q_.data(), q_stride_};
    if (n_rows == n_tokens) {
      kernels::gemm(context, normed, n_tokens, std::array{keys_and_values, projected});
    } else {
      kernels::gemm(context, normed, n_tokens, std::array{keys_and_values});
      keep(queries);
      kernels::gemm(context, normed, n_rows, std::array{projected});
    }
    kernels::for_rows(context, n_tokens, kv_dim, [&](int64_t row) {
      rotary_.rotate(k, kv_.data() + row * kv_stride_, config_.n_kv_heads, positions_[static_cast<size_t>(row)]);
    });
    for (size_t s = 0; s < queries.spans.size(); ++s) {
      const kernels::AttentionSpan& span = queries.spans[s];
      kernels::for_rows(context, span.n_queries, config_.n_heads * config_.head_dim, [&](int64_t i) {
        rotary_.rotate(k, q_.data() + (span.first_query + i) * q_stride_, config_.n_heads, queries.positions[s] + i);
      });
    }
    const kernels::AttentionShape shape = {config_.n_heads, config_.n_kv_heads, config_.head_dim,
                                           config_.attention == Attention::causal, attention_rounding_};
    kernels::attention(context, shape, queries.spans, q_.data(), q_stride_, kv_.data(), kv_.data() + kv_dim, kv_stride_,
                       q_.data(), q_stride_);
    kernels::gemm(context, q_.data(), q_stride_, n_rows, w.o, x_.data(), stride_, {.accumulate = true});
    mlp(context, w, n_rows);
  }

  // Rows of x as the next product takes them.
  [[nodiscard]] kernels::RowReader normed_rows(const kernels::Kernels& k, const float* x,
                                               const std::vector<float>& norm) const {
    return [this, &k, x, &norm](int64_t row, float* out) {
      k.rms_norm(x + row * stride_, norm.data(), config_.d_model, eps(), out);
    };
  }

  // Moves the rows of x_ that are still needed to the front; rows only move down, so in order is safe.
  void keep(const Queries& queries) {
    const size_t bytes = static_cast<size_t>(config_.d_model) * sizeof(float);
    for (size_t s = 0; s < queries.spans.size(); ++s) {
      const kernels::AttentionSpan& span = queries.spans[s];
      for (int64_t i = 0; i < span.n_queries; ++i) {
        const int64_t from = span.first_key + queries.positions[s] + i;
        const int64_t to = span.first_query + i;
        if (from == to) continue;
        std::memcpy(x_.data() + to * stride_, x_.data() + from * stride_, bytes);
      }
    }
  }

  void mlp(Context& context, const Layer& w, int64_t n_rows) {
    mlp_.resize(static_cast<size_t>(std::min(n_rows, kMlpRows) * mlp_stride_));
    for (int64_t first = 0; first < n_rows; first += kMlpRows) {
      const int64_t rows = std::min(kMlpRows, n_rows - first);
      float* x = x_.data() + first * stride_;
      const kernels::Product widened = {w.gate_up, mlp_.data(), mlp_stride_, {.gated = true}};
      kernels::gemm(context, normed_rows(context.kernels, x, w.mlp_norm), rows, std::array{widened});
      kernels::gemm(context, mlp_.data(), mlp_stride_, rows, w.down, x, stride_, {.accumulate = true});
    }
  }

  const ModelConfig& config_;
  kernels::MatrixView embedding_;  // [vocab_size, d_model]
  std::vector<Layer> layers_;
  std::vector<float> norm_;  // [d_model]
  kernels::AttentionRounding attention_rounding_;
  Rotary rotary_;
  int64_t stride_;
  int64_t q_stride_;
  int64_t kv_stride_;
  int64_t mlp_stride_;

  // Of the batch at hand.
  std::vector<int64_t> positions_;    // [n_tokens]
  Queries all_;                       // every position
  Queries pooled_;                    // pooled positions only
  std::vector<int64_t> pooled_rows_;  // [n_seqs + 1]
  Buffer<float> x_;                   // [n_tokens, stride_], the residual stream
  Buffer<float> q_;                   // [n_tokens, q_stride_], queries, then attention's result
  Buffer<float> kv_;                  // [n_tokens, kv_stride_]
  Buffer<float> mlp_;                 // [min(n_tokens, kMlpRows), mlp_stride_]
};

}  // namespace

Result<std::unique_ptr<Encoder>> load_mistral(const ModelConfig& config, Loader& loader) {
  const int64_t d = config.d_model;
  const int64_t q_dim = config.n_heads * config.head_dim;
  const int64_t kv_dim = config.n_kv_heads * config.head_dim;
  LODE_ASSIGN(const kernels::MatrixView embedding, loader.matrix("embed_tokens.weight", config.vocab_size, d));
  std::vector<Layer> layers(static_cast<size_t>(config.n_layers));
  for (size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = layers[i];
    const std::string prefix = fmt::format("layers.{}.", i);
    const std::string attention = prefix + "self_attn.";
    const std::string mlp = prefix + "mlp.";
    LODE_ASSIGN(layer.attention_norm, loader.vector(prefix + "input_layernorm.weight", d));
    LODE_ASSIGN(layer.mlp_norm, loader.vector(prefix + "post_attention_layernorm.weight", d));
    LODE_ASSIGN(layer.q, loader.linear({{attention + "q_proj.weight", q_dim}}, d));
    LODE_ASSIGN(layer.kv,
                loader.linear({{attention + "k_proj.weight", kv_dim}, {attention + "v_proj.weight", kv_dim}}, d));
    LODE_ASSIGN(layer.o, loader.linear({{attention + "o_proj.weight", d}}, q_dim));
    LODE_ASSIGN(layer.gate_up, loader.gated(mlp + "gate_proj.weight", mlp + "up_proj.weight", config.d_ff, d));
    LODE_ASSIGN(layer.down, loader.linear({{mlp + "down_proj.weight", d}}, config.d_ff));
  }
  LODE_ASSIGN(std::vector<float> norm, loader.vector("norm.weight", d));
  return std::make_unique<Mistral>(config, embedding, std::move(layers), std::move(norm),
                                   attention_rounding(loader.arithmetic(), loader.context().kernels));
}

}  // namespace lode::model
