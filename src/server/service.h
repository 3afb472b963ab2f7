// What the routes need of one model: texts to tokens on any thread, tokens to vectors through the queue. An interface,
// so that the HTTP side is tested without a model; ModelService is the one that runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "embed/embedder.h"
#include "embed/prompt.h"
#include "embed/queue.h"
#include "model/config.h"

namespace lode::server {

class EmbeddingService {
 public:
  virtual ~EmbeddingService() = default;

  [[nodiscard]] virtual const model::ModelConfig& config() const = 0;
  [[nodiscard]] virtual int64_t dims() const = 0;

  // Any thread. Errors: too_long when truncate is none.
  virtual Result<embed::TokenSequence> tokenize(std::string_view text, std::string_view instruction,
                                                embed::Truncate truncate) const = 0;
  // Any thread; `done` gets [n, dims] row-major on the engine thread and must not block. Errors (then `done` is not
  // called): overloaded, too_large, unavailable.
  virtual Status submit(std::vector<embed::TokenSequence> sequences, embed::Queue::Done done) = 0;
};

class ModelService final : public EmbeddingService {
 public:
  ModelService(std::unique_ptr<embed::Embedder> embedder, const embed::QueueOptions& options)
      : embedder_(std::move(embedder)), queue_(*embedder_, options) {}

  [[nodiscard]] const model::ModelConfig& config() const override { return embedder_->config(); }
  [[nodiscard]] int64_t dims() const override { return embedder_->dims(); }
  Result<embed::TokenSequence> tokenize(std::string_view text, std::string_view instruction,
                                        embed::Truncate truncate) const override {
    return embedder_->tokenize(text, instruction, /*max_tokens=*/0, truncate);
  }
  Status submit(std::vector<embed::TokenSequence> sequences, embed::Queue::Done done) override {
    return queue_.submit(std::move(sequences), std::move(done));
  }

 private:
  std::unique_ptr<embed::Embedder> embedder_;
  embed::Queue queue_;
};

}  // namespace lode::server
