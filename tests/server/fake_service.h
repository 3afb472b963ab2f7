// A service without a model: a text's tokens are its bytes between 1 and 2, its vector is a hash of what would be
// computed, so that every test can tell whose vector it holds. Answers from a thread of its own, as the queue does.
#pragma once

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
    if (sequence.ids.size() > kMaxTokens) {
      if (truncate == embed::Truncate::none) {
        return fail(Code::too_long, fmt::format("Input length {} exceeds maximum allowed token size {}",
                                                sequence.ids.size(), kMaxTokens));
      }
      sequence.ids.resize(kMaxTokens);
    }
    return sequence;
  }

  Status submit(std::vector<embed::TokenSequence> sequences, embed::Queue::Done done) override {
    const std::scoped_lock lock(mutex_);
    if (full) return fail(Code::overloaded, "The queue is full", "Try again");
    work_.emplace_back(std::move(sequences), std::move(done));
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
      auto [sequences, done] = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      if (failure) {
        done(std::unexpected(*failure));
        continue;
      }
      std::vector<float> vectors;
      for (const embed::TokenSequence& sequence : sequences) {
        for (const float x : vector_of(sequence)) vectors.push_back(x + bias);
      }
      done(std::move(vectors));
    }
  }

  model::ModelConfig config_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<std::vector<embed::TokenSequence>, embed::Queue::Done>> work_;
  std::jthread engine_;  // last: ends before the rest goes
};

}  // namespace lode::server
