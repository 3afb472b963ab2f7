#include "apps/lazy_vectors.h"

#include "eval/encoder.h"
#include "index/vector_cache.h"

namespace lode::apps {

Status LazyVectors::load() {
  LODE_ASSIGN(EvalSubject subject, EvalSubject::open(options_, globals_));
  const eval::Encoder* const encoder = subject.encoder();
  if (encoder == nullptr) {
    return fail(Code::invalid_argument, "vectors need a model, and there is none", "Name one with --model.");
  }
  card_.name = subject.model().name;
  card_.identity = subject.identity();
  card_.n_dims = encoder->dims();
  LODE_ASSIGN(card_.chunk_prompt, encoder->applied({.side = embed::InputType::passage, .task = {}}));
  if (subject.cache() != nullptr) {
    // A second reader of the same files: the encoder has the first for itself.
    LODE_ASSIGN(const auto root, vector_cache_folder(options_.cache));
    LODE_ASSIGN(auto cache, index::VectorCache::open(root, card_.identity, card_.n_dims));
    kept_.emplace(std::move(cache));
  }
  subject_.emplace(std::move(subject));
  is_loaded_ = true;
  return {};
}

Result<const search::VectorModelCard*> LazyVectors::card() {
  const std::scoped_lock lock(mutex_);
  if (subject_) return &card_;
  if (failure_) return std::unexpected(*failure_);
  if (Status loaded = load(); !loaded) {
    if (loaded.error().code != Code::not_found) failure_ = loaded.error();
    return std::unexpected(std::move(loaded).error());
  }
  return &card_;
}

Result<std::vector<float>> LazyVectors::encode_query(const std::string& query, const std::stop_token& gone) {
  LODE_ASSIGN([[maybe_unused]] const auto* card, this->card());
  const std::scoped_lock lock(mutex_);
  return subject_->encoder()->encode(std::span(&query, 1), {.side = embed::InputType::query, .task = {}},
                                     [&gone](size_t, size_t) { return !gone.stop_requested(); });
}

Result<std::vector<float>> LazyVectors::encode_chunks(std::span<const std::string>, const std::stop_token&) {
  return fail(Code::unsupported, "vectors are not made here", "Make them with lode index.");
}

}  // namespace lode::apps
