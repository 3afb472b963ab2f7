// A model that is served, as the vectors of indexes: queries go through its queue like every request, chunks through
// one of their own, whose small share and short passes let everybody else come first. What is computed for a chunk is
// kept by its text (search/kept_vectors.h) as it comes. Any thread; the callers wait.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "embed/embedder.h"
#include "embed/queue.h"
#include "search/vector_model.h"

namespace lode::apps {

struct QueuedModel {
  std::string name;
  std::filesystem::path folder;  // the model's
  const embed::Embedder* embedder = nullptr;
  embed::Queue* queries = nullptr;
  embed::Queue* chunks = nullptr;  // of the same embedder
};

// Of the queue for chunks.
embed::QueueOptions chunk_queue_options(embed::QueueOptions of_requests);

class QueuedVectors final : public search::VectorModel {
 public:
  // cache: the folder of kept vectors, "" for none. Reads the whole model once, for its identity, if that is not
  // remembered. Errors: io; a cache that cannot be opened is logged and done without.
  static Result<std::unique_ptr<QueuedVectors>> open(QueuedModel model, const std::filesystem::path& cache, bool quiet);

  [[nodiscard]] const std::filesystem::path& folder() const { return model_.folder; }
  [[nodiscard]] bool is_loaded() const override { return true; }
  Result<const search::VectorModelCard*> card() override { return &card_; }
  Result<std::vector<float>> encode_query(const std::string& query, const std::stop_token& gone) override;
  Result<std::vector<float>> encode_chunks(std::span<const std::string> texts, const std::stop_token& gone) override;
  search::KeptVectors* kept() override { return kept_ ? &*kept_ : nullptr; }

 private:
  QueuedVectors(QueuedModel model, search::VectorModelCard card) : model_(std::move(model)), card_(std::move(card)) {}
  Result<embed::TokenSequence> tokenize(std::string_view text, embed::InputType type) const;
  Result<std::vector<float>> compute(embed::Queue& queue, std::vector<embed::TokenSequence> sequences,
                                     const std::stop_token& gone) const;

  QueuedModel model_;
  search::VectorModelCard card_;
  std::optional<search::KeptVectors> kept_;
  std::atomic<bool> keeps_ = true;  // false once that failed
};

}  // namespace lode::apps
