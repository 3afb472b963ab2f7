#include "model/model.h"

#include <cmath>
#include <new>

#include <fmt/format.h>

#include "base/parallel.h"
#include "kernels/cpu.h"
#include "model/encoder.h"
#include "model/latent_attention.h"
#include "model/loader.h"
#include "model/row_mean.h"

namespace lode::model {

struct Model::Impl {
  ModelConfig config;
  std::unique_ptr<Encoder> encoder;
  std::unique_ptr<LatentAttention> latent;  // when config.pooling asks for it
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

const ModelConfig& Model::config() const {
  return impl_->config;
}

Result<std::unique_ptr<Model::Impl>> Model::build(const weights::Checkpoint& checkpoint, Loader& loader) {
  auto impl = std::make_unique<Impl>();
  LODE_ASSIGN(impl->config, read_config(checkpoint));
  const ModelConfig& config = impl->config;
  if (config.architecture == Architecture::bert) {
    LODE_ASSIGN(impl->encoder, load_bert(config, loader));
  } else {
    LODE_ASSIGN(impl->encoder, load_mistral(config, loader));
  }
  if (config.pooling == Pooling::latent_attention) {
    LODE_ASSIGN(impl->latent, LatentAttention::load(config, loader));
  }
  LODE_TRY(loader.expect_no_more(config));
  return impl;
}

Result<std::unique_ptr<Model>> Model::load(const weights::Checkpoint& checkpoint, kernels::Context& context,
                                           Arithmetic arithmetic) try {
  Loader loader(checkpoint, context, arithmetic);
  LODE_ASSIGN(std::unique_ptr<Impl> impl, build(checkpoint, loader));
  return std::unique_ptr<Model>(new Model(std::move(impl)));
} catch (const std::bad_alloc&) {
  return fail(Code::io, "not enough memory to load the model", "Free memory or choose a smaller model.");
}

Status Model::check(const weights::Checkpoint& checkpoint) {
  ThreadPool pool(1);
  kernels::Context context(*kernels::portable_kernels(), pool);
  Loader loader(checkpoint, context, Arithmetic::f32, Loading::checks_only);
  LODE_TRY(build(checkpoint, loader));
  return {};
}

Status Model::encode(kernels::Context& context, const Batch& batch, float* vectors) try {
  const ModelConfig& config = impl_->config;
  const Hidden hidden = impl_->encoder->forward(context, batch);
  if (impl_->latent) {
    impl_->latent->pool(context, hidden, vectors);
  } else {
    // Last token and cls are means over one row.
    RowMean mean(hidden.offsets, config.d_model, vectors);
    mean.add(context, hidden.rows, hidden.stride, hidden.offsets.back());
  }
  for (size_t i = 0; i < batch.n_seqs(); ++i) {
    float* vector = vectors + static_cast<int64_t>(i) * config.d_model;
    bool finite = true;
    for (int64_t c = 0; c < config.d_model; ++c) finite = finite && std::isfinite(vector[c]);
    if (config.normalize) finite = finite && context.kernels.l2_normalize(vector, config.d_model);
    if (!finite) {
      return fail(Code::internal, fmt::format("the vector of a text of {} tokens is not finite", batch.length(i)),
                  "The weights may be damaged: compare their checksums with the published ones.");
    }
  }
  return {};
} catch (const std::bad_alloc&) {
  return fail(Code::io, fmt::format("not enough memory for a pass of {} tokens", batch.n_tokens()),
              "Use a smaller batch (--max-batch-tokens) or shorter texts (--max-length).");
}

}  // namespace lode::model
