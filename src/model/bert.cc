// The BERT stack of all-MiniLM-L6-v2 and its relatives (transformers' BertModel without its pooler).
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "kernels/rows.h"
#include "model/encoder.h"
#include "model/microbatch.h"

namespace lode::model {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::padded_stride;
using kernels::Weight;

struct Norm {
  std::vector<float> weight;  // [d_model]
  std::vector<float> bias;
};

struct Layer {
  Weight qkv;  // [3 * d_model, d_model], Q over K over V
  std::vector<float> qkv_bias;
  Weight o;  // [d_model, d_model]
  std::vector<float> o_bias;
  Norm attention_norm;
  Weight up;  // [d_ff, d_model]
  std::vector<float> up_bias;
  Weight down;  // [d_model, d_ff]
  std::vector<float> down_bias;
  Norm mlp_norm;
};

class Bert final : public Encoder {
 public:
  Bert(const ModelConfig& config, kernels::MatrixView words, std::vector<float> positions, std::vector<float> type,
       Norm norm, std::vector<Layer> layers, kernels::AttentionRounding attention_rounding)
      : config_(config),
        words_(words),
        position_embedding_(std::move(positions)),
        type_embedding_(std::move(type)),
        norm_(std::move(norm)),
        layers_(std::move(layers)),
        attention_rounding_(attention_rounding),
        stride_(padded_stride(config.d_model)),
        qkv_stride_(padded_stride(3 * config.d_model)),
        mlp_stride_(padded_stride(config.d_ff)) {}

  Hidden forward(Context& context, const Batch& batch) override {
    x_.resize(batch.n_tokens() * static_cast<size_t>(stride_));
    number_positions(batch);
    const int n_threads = context.pool.n_threads();
    const std::vector<Microbatch> own = cut_for_threads(batch, kBertThreadRows, n_threads);
    if (!own.empty()) {
      while (std::ssize(lanes_) < n_threads) lanes_.push_back(std::make_unique<Lane>(context.kernels));
      context.pool.for_each(own.size(), [&](size_t i, int worker) {
        Lane& lane = *lanes_[static_cast<size_t>(worker)];
        embed(lane.context, batch, own[i]);
        for (const Layer& w : layers_) layer(lane.context, w, own[i], lane.between);
      });
    } else {
      const std::vector<Microbatch> parts = cut(batch, kBertRows);
      for (const Microbatch& part : parts) embed(context, batch, part);
      for (const Layer& w : layers_) {
        for (const Microbatch& part : parts) layer(context, w, part, between_);
      }
    }
    return keep_pooled(batch);
  }

 private:
  // What passes between the products of a layer.
  struct Between {
    Buffer<float> qkv;  // [n_rows, qkv_stride_]; attention's result overwrites Q
    Buffer<float> mlp;  // [n_rows, mlp_stride_]
  };
  // What a thread computes with that waits for no other.
  struct Lane {
    explicit Lane(const kernels::Kernels& kernels) : context(kernels, pool) {}
    ThreadPool pool{1};
    Context context;
    Between between;
  };

  void layer(Context& context, const Layer& w, const Microbatch& part, Between& between) {
    const int64_t d = config_.d_model, rows = part.n_rows;
    float* const x = x_.data() + part.first_row * stride_;
    float* const qkv = between.qkv.resize(static_cast<size_t>(rows * qkv_stride_));
    float* const mlp = between.mlp.resize(static_cast<size_t>(rows * mlp_stride_));
    const kernels::AttentionShape shape = {config_.n_heads, config_.n_kv_heads, config_.head_dim, false,
                                           attention_rounding_};
    kernels::gemm(context, x, stride_, rows, w.qkv, qkv, qkv_stride_, {.bias = w.qkv_bias.data()});
    kernels::attention(context, shape, part.spans, qkv, qkv_stride_, qkv + d, qkv + 2 * d, qkv_stride_, qkv,
                       qkv_stride_);
    kernels::gemm(context, qkv, qkv_stride_, rows, w.o, x, stride_, {.bias = w.o_bias.data(), .accumulate = true});
    normalize(context, w.attention_norm, x, rows);
    kernels::gemm(context, x, stride_, rows, w.up, mlp, mlp_stride_, {.bias = w.up_bias.data(), .gelu = true});
    kernels::gemm(context, mlp, mlp_stride_, rows, w.down, x, stride_,
                  {.bias = w.down_bias.data(), .accumulate = true});
    normalize(context, w.mlp_norm, x, rows);
  }

  void normalize(Context& context, const Norm& norm, float* rows, int64_t n_rows) {
    kernels::for_rows(context, n_rows, config_.d_model, [&](int64_t row) {
      float* x = rows + row * stride_;
      context.kernels.layer_norm(x, norm.weight.data(), norm.bias.data(), config_.d_model,
                                 static_cast<float>(config_.norm_eps), x);
    });
  }

  void number_positions(const Batch& batch) {
    positions_.clear();
    for (size_t i = 0; i < batch.n_seqs(); ++i) {
      for (int32_t p = 0; p < batch.length(i); ++p) positions_.push_back(p);
    }
  }

  // Word + token type 0 + position, then the norm: in the reference's order of additions.
  void embed(Context& context, const Batch& batch, const Microbatch& part) {
    const int64_t d = config_.d_model;
    const int64_t row_bytes = kernels::row_bytes(words_.dtype, d);
    float* const rows = x_.data() + part.first_row * stride_;
    kernels::for_rows(context, part.n_rows, d, [&](int64_t row) {
      float* x = rows + row * stride_;
      const auto token = static_cast<size_t>(part.first_row + row);
      context.kernels.to_f32(words_.data + batch.ids[token] * row_bytes, words_.dtype, d, x);
      context.kernels.add(x, type_embedding_.data(), d);
      context.kernels.add(x, position_embedding_.data() + positions_[token] * d, d);
    });
    normalize(context, norm_, rows, part.n_rows);
  }

  // Moves pooled rows to the front where not all are pooled.
  Hidden keep_pooled(const Batch& batch) {
    Hidden hidden = {x_.data(), stride_, {0}};
    for (size_t i = 0; i < batch.n_seqs(); ++i) {
      const PooledSpan span = pooled_span(config_, batch, i);
      const int64_t to = hidden.offsets.back();
      const int64_t from = batch.offsets[i] + span.begin;
      const int64_t rows = span.end - span.begin;
      if (from != to) {
        std::memmove(x_.data() + to * stride_, x_.data() + from * stride_,
                     static_cast<size_t>(rows * stride_) * sizeof(float));
      }
      hidden.offsets.push_back(to + rows);
    }
    return hidden;
  }

  const ModelConfig& config_;
  kernels::MatrixView words_;              // [vocab_size, d_model]
  std::vector<float> position_embedding_;  // [max_positions, d_model]
  std::vector<float> type_embedding_;      // [d_model], token type 0
  Norm norm_;
  std::vector<Layer> layers_;
  kernels::AttentionRounding attention_rounding_;
  int64_t stride_;
  int64_t qkv_stride_;
  int64_t mlp_stride_;

  // Of the batch at hand.
  std::vector<int64_t> positions_;  // [n_tokens]
  Buffer<float> x_;                 // [n_tokens, stride_]
  // Of the part at hand: of all threads together, or of each.
  Between between_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

Result<Norm> load_norm(Loader& loader, const std::string& name, int64_t d) {
  Norm norm;
  LODE_ASSIGN(norm.weight, loader.vector(name + ".weight", d));
  LODE_ASSIGN(norm.bias, loader.vector(name + ".bias", d));
  return norm;
}

Status load_layer(Loader& loader, const std::string& prefix, const ModelConfig& config, Layer& layer) {
  const int64_t d = config.d_model;
  const std::string self = prefix + "attention.self.";
  LODE_ASSIGN(layer.qkv,
              loader.linear({{self + "query.weight", d}, {self + "key.weight", d}, {self + "value.weight", d}}, d));
  LODE_ASSIGN(layer.qkv_bias,
              loader.vectors({{self + "query.bias", d}, {self + "key.bias", d}, {self + "value.bias", d}}));
  LODE_ASSIGN(layer.o, loader.linear({{prefix + "attention.output.dense.weight", d}}, d));
  LODE_ASSIGN(layer.o_bias, loader.vector(prefix + "attention.output.dense.bias", d));
  LODE_ASSIGN(layer.attention_norm, load_norm(loader, prefix + "attention.output.LayerNorm", d));
  LODE_ASSIGN(layer.up, loader.linear({{prefix + "intermediate.dense.weight", config.d_ff}}, d));
  LODE_ASSIGN(layer.up_bias, loader.vector(prefix + "intermediate.dense.bias", config.d_ff));
  LODE_ASSIGN(layer.down, loader.linear({{prefix + "output.dense.weight", d}}, config.d_ff));
  LODE_ASSIGN(layer.down_bias, loader.vector(prefix + "output.dense.bias", d));
  LODE_ASSIGN(layer.mlp_norm, load_norm(loader, prefix + "output.LayerNorm", d));
  return {};
}

}  // namespace

Result<std::unique_ptr<Encoder>> load_bert(const ModelConfig& config, Loader& loader) {
  const int64_t d = config.d_model;
  LODE_ASSIGN(const kernels::MatrixView words,
              loader.matrix("embeddings.word_embeddings.weight", config.vocab_size, d));
  LODE_ASSIGN(std::vector<float> positions,
              loader.matrix_f32("embeddings.position_embeddings.weight", config.max_positions, d));
  LODE_ASSIGN(std::vector<float> types,
              loader.matrix_f32("embeddings.token_type_embeddings.weight", config.n_token_types, d));
  types.resize(static_cast<size_t>(d));  // a single text is all token type 0
  LODE_ASSIGN(Norm norm, load_norm(loader, "embeddings.LayerNorm", d));
  std::vector<Layer> layers(static_cast<size_t>(config.n_layers));
  for (size_t i = 0; i < layers.size(); ++i) {
    LODE_TRY(load_layer(loader, fmt::format("encoder.layer.{}.", i), config, layers[i]));
  }
  return std::make_unique<Bert>(config, words, std::move(positions), std::move(types), std::move(norm),
                                std::move(layers), attention_rounding(loader.arithmetic(), loader.context().kernels));
}

}  // namespace lode::model
