// A service without a model: a text's tokens are its bytes between 1 and 2, its vector is a hash of what would be
// computed, so that every test can tell whose vector it holds. Answers from a thread of its own, as the queue does.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "server/service.h"

namespace lode::server {

class FakeService final : public EmbeddingService {
 public:
  static constexpr int64_t kDims = 3;
  static constexpr size_t kMaxTokens = 64;

  FakeService() {
    config_.prompts = {.task_template = "Task: {task}\n", .query = "query: ", .passage = "passage: "};
    engine_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  [[nodiscard]] const model::ModelConfig& config() const override { return config_; }
  [[nodiscard]] int64_t dims() const override { return kDims; }

  Result<embed::TokenSequence> tokenize(std::string_view text, std::string_view instruction,
                                        embed::Truncate truncate) const override {
    embed::TokenSequence sequence{.ids = {1}};
    for (const char c : std::string(instruction) + std::string(text))
      sequence.ids.push_back(3 + static_cast<unsigned char>(c));
    sequence.ids.push_back(2);
    sequence.n_tokens_before_cut = static_cast<int32_t>(sequence.ids.size());
    if (sequence.ids.size() > kMaxTokens) {
      if (truncate == embed::Truncate::none) {
        return fail(Code::too_long, fmt::format("Input length {} exceeds maximum allowed token size {}",
                                                sequence.ids.size(), kMaxTokens));
      }
      sequence.ids.resize(kMaxTokens);
    }
    return sequence;
  }

  Result<embed::TokenSequence> from_ids(std::span<const int64_t> ids, embed::Truncate truncate) const override {
    embed::TokenSequence sequence;
    for (const int64_t id : ids) {
      if (id < 0 || id > 300) return fail(Code::invalid_argument, fmt::format("the token id {} is unknown", id));
      sequence.ids.push_back(static_cast<text::TokenId>(id));
    }
    if (sequence.ids.size() > kMaxTokens && truncate == embed::Truncate::none) {
      return fail(Code::too_long,
                  fmt::format("Input length {} exceeds maximum allowed token size {}", ids.size(), kMaxTokens));
    }
    sequence.ids.resize(std::min(sequence.ids.size(), kMaxTokens));
    sequence.n_tokens_before_cut = static_cast<int32_t>(ids.size());
    return sequence;
  }
  [[nodiscard]] std::string_view piece(text::TokenId id) const override {
    static constexpr std::string_view kPieces[] = {"<unk>", "<s>", "</s>"};
    return id < 3 ? kPieces[id] : "byte";
  }
  [[nodiscard]] int64_t max_tokens() const override { return kMaxTokens; }
  [[nodiscard]] embed::QueueState queue_state() const override { return {}; }
  [[nodiscard]] embed::QueueOptions queue_limits() const override { return {}; }

  Status submit(std::vector<embed::TokenSequence> sequences, std::stop_token gone, embed::Queue::Done done) override {
    const std::scoped_lock lock(mutex_);
    if (full) return fail(Code::overloaded, "The queue is full", "Try again");
    work_.push_back({std::move(sequences), std::move(gone), std::move(done)});
    changed_.notify_all();
    return {};
  }

  static std::vector<float> vector_of(const embed::TokenSequence& sequence) {
    std::vector<float> vector(kDims, 0.0F);
    for (size_t i = 0; i < sequence.ids.size(); ++i) {
      vector[i % kDims] += static_cast<float>(sequence.ids[i]) / static_cast<float>(i + 1);
    }
    return vector;
  }
  std::vector<float> vector_of(std::string_view text, std::string_view instruction) const {
    return vector_of(*tokenize(text, instruction, embed::Truncate::end));
  }

  // Set before the first request, or while none is running.
  bool full = false;
  std::optional<Error> failure;
  float bias = 0;

 private:
  void run(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !work_.empty(); })) return;
      auto [sequences, gone, done] = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      if (gone.stop_requested()) {
        done(fail(Code::cancelled, "gone"));
        continue;
      }
      if (failure) {
        done(std::unexpected(*failure));
        continue;
      }
      std::vector<float> vectors;
      for (const embed::TokenSequence& sequence : sequences) {
        for (const float x : vector_of(sequence)) vectors.push_back(x + bias);
      }
      done(embed::Computed{std::move(vectors), {}});
    }
  }

  model::ModelConfig config_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  struct Work {
    std::vector<embed::TokenSequence> sequences;
    std::stop_token gone;
    embed::Queue::Done done;
  };
  std::deque<Work> work_;
  std::jthread engine_;  // last: ends before the rest goes
};

}  // namespace lode::server
