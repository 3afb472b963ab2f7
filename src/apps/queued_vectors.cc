#include "apps/queued_vectors.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "apps/model_identity.h"
#include "base/log.h"
#include "embed/prompt.h"
#include "eval/encoder.h"
#include "index/vector_cache.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr double kChunksShare = 0.05;  // of what requests have
constexpr std::chrono::milliseconds kChunksPass{40};
constexpr size_t kChunksAtOnce = 32;  // handed over, and kept together

}  // namespace

embed::QueueOptions chunk_queue_options(embed::QueueOptions of_requests) {
  of_requests.share *= kChunksShare;
  of_requests.target_pass = kChunksPass;
  return of_requests;
}

Result<std::unique_ptr<QueuedVectors>> QueuedVectors::open(QueuedModel model, const fs::path& cache, bool quiet) {
  LODE_ASSIGN(const ModelDigest digest,
              digest_model(model.folder, cache.empty() ? cache : cache / "digests.tsv", quiet));
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  search::VectorModelCard card{
      .name = model.name,
      .identity = model_identity(digest, *model.embedder, kernels::name(path->isa)),
      .chunk_prompt = std::string(embed::default_instruction(model.embedder->config(), embed::InputType::passage)),
      .n_dims = model.embedder->dims()};
  auto out = std::unique_ptr<QueuedVectors>(new QueuedVectors(std::move(model), std::move(card)));
  if (cache.empty()) return out;
  auto kept = index::VectorCache::open(cache, out->card_.identity, out->card_.n_dims);
  if (kept) {
    out->kept_.emplace(*std::move(kept));
  } else {
    log::warn("vectors are not kept by text: {}", kept.error().line());
  }
  return out;
}

Result<embed::TokenSequence> QueuedVectors::tokenize(std::string_view text, embed::InputType type) const {
  const std::string_view instruction = embed::default_instruction(model_.embedder->config(), type);
  return model_.embedder->tokenize(text, instruction, /*max_tokens=*/0, embed::Truncate::end);
}

Result<std::vector<float>> QueuedVectors::compute(embed::Queue& queue, std::vector<embed::TokenSequence> sequences,
                                                  const std::stop_token& gone) const {
  const auto promise = std::make_shared<std::promise<Result<embed::Computed>>>();
  std::future<Result<embed::Computed>> future = promise->get_future();
  LODE_TRY(queue.submit(std::move(sequences), gone,
                        [promise](Result<embed::Computed> computed) { promise->set_value(std::move(computed)); }));
  LODE_ASSIGN(embed::Computed computed, future.get());
  // As the encoder of the commands does, to the bit.
  const auto n_dims = static_cast<size_t>(card_.n_dims);
  for (size_t i = 0; i < computed.vectors.size(); i += n_dims) {
    eval::normalise(std::span(computed.vectors).subspan(i, n_dims));
  }
  return std::move(computed.vectors);
}

Result<std::vector<float>> QueuedVectors::encode_query(const std::string& query, const std::stop_token& gone) {
  std::vector<embed::TokenSequence> one;
  LODE_ASSIGN(one.emplace_back(), tokenize(query, embed::InputType::query));
  return compute(*model_.queries, std::move(one), gone);
}

Result<std::vector<float>> QueuedVectors::encode_chunks(std::span<const std::string> texts,
                                                        const std::stop_token& gone) {
  const auto n_dims = static_cast<size_t>(card_.n_dims);
  struct Missing {
    size_t text;
    index::VectorKey key;
    embed::TokenSequence sequence;
  };
  std::vector<float> out(texts.size() * n_dims);
  const auto row = [&](size_t text) { return std::span(out).subspan(text * n_dims, n_dims); };
  std::vector<Missing> missing;
  for (size_t i = 0; i < texts.size(); ++i) {
    const index::VectorKey key = index::vector_key(card_.chunk_prompt, texts[i]);
    if (kept_ && kept_->read(key, row(i))) continue;
    LODE_ASSIGN(embed::TokenSequence sequence, tokenize(texts[i], embed::InputType::passage));
    missing.push_back({.text = i, .key = key, .sequence = std::move(sequence)});
  }
  // A pass packs like with like.
  std::ranges::stable_sort(missing, {}, [](const Missing& one) { return one.sequence.ids.size(); });
  for (size_t first = 0; first < missing.size(); first += kChunksAtOnce) {
    const std::span<Missing> some = std::span(missing).subspan(first, std::min(kChunksAtOnce, missing.size() - first));
    std::vector<embed::TokenSequence> sequences;
    std::vector<index::VectorKey> keys;
    for (Missing& one : some) {
      sequences.push_back(std::move(one.sequence));
      keys.push_back(one.key);
    }
    LODE_ASSIGN(const std::vector<float> vectors, compute(*model_.chunks, std::move(sequences), gone));
    for (size_t i = 0; i < some.size(); ++i) {
      std::ranges::copy(std::span(vectors).subspan(i * n_dims, n_dims), row(some[i].text).begin());
    }
    if (!kept_ || !keeps_) continue;
    if (const Status status = kept_->append(keys, vectors); !status && keeps_.exchange(false)) {
      log::warn("from here on vectors are not kept by text: {}", status.error().line());
    }
  }
  return out;
}

}  // namespace lode::apps
