#include "embed/embedder.h"

#include <fmt/format.h>

#include "base/parallel.h"
#include "embed/packer.h"
#include "kernels/context.h"
#include "kernels/cpu.h"
#include "model/model.h"
#include "model/rounding.h"
#include "weights/checkpoint.h"

namespace lode::embed {

namespace {

Status check_token_limit(const model::ModelConfig& config, int64_t max_tokens) {
  if (max_tokens >= 1 && max_tokens <= config.max_positions) return {};
  return fail(Code::invalid_argument, fmt::format("a limit of {} tokens was asked for, this model takes 1 to {}",
                                                  max_tokens, config.max_positions));
}

}  // namespace

struct Embedder::Impl {
  Impl(weights::Checkpoint opened, const kernels::Kernels& path, std::shared_ptr<ThreadPool> threads)
      : checkpoint(std::move(opened)), pool(std::move(threads)), context(path, *pool) {}

  weights::Checkpoint checkpoint;
  std::shared_ptr<ThreadPool> pool;
  kernels::Context context;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<model::Model> model;
  int64_t max_batch_tokens = 0;
  int64_t max_tokens = 0;
  model::Arithmetic arithmetic{};
};

Embedder::Embedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Embedder::~Embedder() = default;

Result<std::unique_ptr<Embedder>> Embedder::open(const std::filesystem::path& folder, const EmbedderOptions& options) {
  if (options.n_threads < 0 || options.max_batch_tokens < 1) {
    return fail(Code::invalid_argument, fmt::format("{} threads and {} batch tokens: both must be positive",
                                                    options.n_threads, options.max_batch_tokens));
  }
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  LODE_ASSIGN(weights::Checkpoint checkpoint, weights::Checkpoint::open(folder));
  auto pool = options.pool;
  if (!pool) pool = std::make_shared<ThreadPool>(options.n_threads == 0 ? available_cores() : options.n_threads);
  auto impl = std::make_unique<Impl>(std::move(checkpoint), *path, std::move(pool));
  impl->max_batch_tokens = options.max_batch_tokens;
  LODE_ASSIGN(impl->tokenizer, text::load_tokenizer(folder));
  LODE_ASSIGN(impl->arithmetic, model::choose_arithmetic(options.arithmetic, impl->checkpoint, *path));
  LODE_ASSIGN(impl->model, model::Model::load(impl->checkpoint, impl->context, impl->arithmetic));
  const model::ModelConfig& config = impl->model->config();
  impl->max_tokens = options.max_tokens == 0 ? config.max_tokens : options.max_tokens;
  LODE_TRY(check_token_limit(config, impl->max_tokens));
  if (impl->tokenizer->vocab_size() > impl->model->config().vocab_size) {
    return fail(Code::corrupt,
                fmt::format("{}: the tokenizer has {} ids, but config.json's vocab_size is {}", folder.string(),
                            impl->tokenizer->vocab_size(), impl->model->config().vocab_size),
                "Use the tokenizer files that belong to these weights.");
  }
  return std::unique_ptr<Embedder>(new Embedder(std::move(impl)));
}

const model::ModelConfig& Embedder::config() const {
  return impl_->model->config();
}
const text::Tokenizer& Embedder::tokenizer() const {
  return *impl_->tokenizer;
}
int64_t Embedder::dims() const {
  return config().d_model;
}
int64_t Embedder::max_tokens() const {
  return impl_->max_tokens;
}
int64_t Embedder::max_batch_tokens() const {
  return impl_->max_batch_tokens;
}
model::Arithmetic Embedder::arithmetic() const {
  return impl_->arithmetic;
}
int Embedder::n_threads() const {
  return impl_->pool->n_threads();
}

Result<TokenSequence> Embedder::tokenize(std::string_view text, std::string_view instruction, int64_t max_tokens,
                                         Truncate truncate) const {
  if (max_tokens == 0) max_tokens = impl_->max_tokens;
  LODE_TRY(check_token_limit(config(), max_tokens));
  return build_sequence(*impl_->tokenizer, config(), text, instruction, max_tokens, truncate);
}

Result<TokenSequence> Embedder::from_ids(std::span<const int64_t> ids, int64_t max_tokens, Truncate truncate) const {
  if (max_tokens == 0) max_tokens = impl_->max_tokens;
  LODE_TRY(check_token_limit(config(), max_tokens));
  return sequence_of_ids(*impl_->tokenizer, ids, max_tokens, truncate);
}

Status Embedder::compute(std::span<const TokenSequence> sequences, std::span<float> vectors) {
  LODE_CHECK(vectors.size() == sequences.size() * static_cast<size_t>(dims()));
  float* out = vectors.data();
  while (!sequences.empty()) {
    const size_t n = count_that_fit(sequences, impl_->max_batch_tokens);
    LODE_TRY(impl_->model->encode(impl_->context, pack(sequences.first(n)), out));
    out += static_cast<int64_t>(n) * dims();
    sequences = sequences.subspan(n);
  }
  return {};
}

}  // namespace lode::embed
