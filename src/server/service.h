// What the routes need of one model: texts to tokens on any thread, tokens to vectors through the queue. An interface,
// so that the HTTP side is tested without a model; ModelService is the one that runs.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "embed/embedder.h"
#include "embed/prompt.h"
#include "embed/queue.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace lode::server {

class EmbeddingService {
 public:
  virtual ~EmbeddingService() = default;

  [[nodiscard]] virtual const model::ModelConfig& config() const = 0;
  [[nodiscard]] virtual int64_t dims() const = 0;
  [[nodiscard]] virtual int64_t max_tokens() const = 0;  // of a text, special tokens included
  [[nodiscard]] virtual embed::QueueState queue_state() const = 0;
  [[nodiscard]] virtual embed::QueueOptions queue_limits() const = 0;

  // Any thread. Errors: too_long when truncate is none.
  virtual Result<embed::TokenSequence> tokenize(std::string_view text, std::string_view instruction,
                                                embed::Truncate truncate) const = 0;
  // The same from this model's own ids, special tokens as the caller has put them. Errors: invalid_argument when an id
  // is not in the vocabulary, too_long.
  virtual Result<embed::TokenSequence> from_ids(std::span<const int64_t> ids, embed::Truncate truncate) const = 0;
  // The vocabulary's piece of an id that tokenize() gave.
  [[nodiscard]] virtual std::string_view piece(text::TokenId id) const = 0;
  // Any thread; `done` gets [n, dims] row-major as embed/queue.h has it and must not block. Errors (then `done` is not
  // called): overloaded, too_large, unavailable. `gone` requested: what was not computed yet is dropped and `done` gets
  // Code::cancelled.
  virtual Status submit(std::vector<embed::TokenSequence> sequences, std::stop_token gone, embed::Queue::Done done) = 0;
};

class ModelService final : public EmbeddingService {
 public:
  // Both outlive the service; the embedder is the one that the queue stands in front of.
  ModelService(const embed::Embedder& embedder, embed::Queue& queue) : embedder_(embedder), queue_(queue) {}

  [[nodiscard]] const model::ModelConfig& config() const override { return embedder_.config(); }
  [[nodiscard]] int64_t dims() const override { return embedder_.dims(); }
  [[nodiscard]] int64_t max_tokens() const override { return embedder_.max_tokens(); }
  [[nodiscard]] embed::QueueState queue_state() const override { return queue_.state(); }
  [[nodiscard]] embed::QueueOptions queue_limits() const override { return queue_.options(); }
  Result<embed::TokenSequence> tokenize(std::string_view text, std::string_view instruction,
                                        embed::Truncate truncate) const override {
    return embedder_.tokenize(text, instruction, /*max_tokens=*/0, truncate);
  }
  Result<embed::TokenSequence> from_ids(std::span<const int64_t> ids, embed::Truncate truncate) const override {
    return embedder_.from_ids(ids, /*max_tokens=*/0, truncate);
  }
  [[nodiscard]] std::string_view piece(text::TokenId id) const override { return embedder_.tokenizer().piece_of(id); }
  Status submit(std::vector<embed::TokenSequence> sequences, std::stop_token gone, embed::Queue::Done done) override {
    return queue_.submit(std::move(sequences), std::move(gone), std::move(done));
  }

 private:
  const embed::Embedder& embedder_;
  embed::Queue& queue_;
};

}  // namespace lode::server
