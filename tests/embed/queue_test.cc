// The queue over a small real model: everybody gets their own vectors, bounds are kept, draining answers what was
// accepted.
#include <atomic>
#include <cstring>
#include <future>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "../model/synthetic_model.h"
#include "../text/small_tokenizers.h"
#include "embed/engine.h"
#include "embed/packer.h"

namespace lode::embed {
namespace {

class QueueOverAModel : public ::testing::Test {
 protected:
  void SetUp() override {
    model_.files().write("tokenizer.json", text::testing::small_bpe({{"a", "b"}, {"ab", "c"}}).dump());
    auto opened = Embedder::open(model_.folder(), {.n_threads = 2, .max_batch_tokens = 64});
    ASSERT_TRUE(opened) << opened.error().line();
    embedder_ = std::move(*opened);
  }

  TokenSequence sequence(const std::string& text) { return *embedder_->tokenize(text, "", 0, Truncate::none); }

  // The vector of a text alone, before any queue runs.
  std::vector<float> alone(const std::string& text) {
    std::vector<float> vector(static_cast<size_t>(embedder_->dims()));
    const std::vector<TokenSequence> one = {sequence(text)};
    EXPECT_TRUE(embedder_->compute(one, vector));
    return vector;
  }

  static std::string random_text(std::mt19937& rng) {
    std::string text;
    for (size_t i = rng() % 60; i > 0; --i) text += "abc de"[rng() % 6];
    return text;
  }

  model::testing::SyntheticModel model_{{.model_type = "mistralbidirectional", .vocab_size = 300}};
  std::unique_ptr<Embedder> embedder_;
};

TEST_F(QueueOverAModel, ConcurrentRequestsGetTheirOwnVectors) {
  constexpr int kClients = 16;
  constexpr int kRequests = 12;
  std::mt19937 rng(1);
  std::vector<std::vector<std::string>> texts(kClients * kRequests);
  std::vector<std::vector<float>> want(texts.size());
  for (size_t r = 0; r < texts.size(); ++r) {
    for (size_t i = 1 + rng() % 5; i > 0; --i) {
      texts[r].push_back(random_text(rng));
      const std::vector<float> vector = alone(texts[r].back());
      want[r].insert(want[r].end(), vector.begin(), vector.end());
    }
  }
  Engine engine;
  Queue& queue = engine.add("model", *embedder_, {});
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < kRequests; ++i) {
        const auto r = static_cast<size_t>(client * kRequests + i);
        std::vector<TokenSequence> sequences;
        for (const std::string& text : texts[r]) sequences.push_back(sequence(text));
        std::promise<Result<Computed>> promise;
        auto future = promise.get_future();
        const Status accepted = queue.submit(
            std::move(sequences), {}, [&promise](Result<Computed> vectors) { promise.set_value(std::move(vectors)); });
        if (!accepted) {
          ++wrong;
          continue;
        }
        const auto got = future.get();
        if (!got || got->vectors != want[r]) ++wrong;
      }
    });
  }
  clients.clear();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(queue.state().waiting_tokens, 0);
  EXPECT_EQ(queue.state().waiting_requests, 0);
}

TEST_F(QueueOverAModel, DrainAnswersWhatWasAcceptedAndRefusesTheRest) {
  Engine engine;
  Queue& queue = engine.add("model", *embedder_, {});
  std::atomic<int> answered = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(queue.submit({sequence("abcde abc"), sequence("")}, {}, [&](Result<Computed> vectors) {
      if (vectors && vectors->vectors.size() == 2 * 48) ++answered;
    }));
  }
  engine.drain();
  EXPECT_EQ(answered.load(), 50);
  const Status late = queue.submit({sequence("a")}, {}, [](Result<Computed>) { FAIL(); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::unavailable);
}

TEST_F(QueueOverAModel, ItsBoundsAreKeptAtOnce) {
  Engine engine;
  Queue& queue = engine.add("model", *embedder_, {.max_tokens = 100, .max_requests = 3});
  const std::string long_text(150, 'd');
  const Status never = queue.submit({sequence(long_text)}, {}, [](Result<Computed>) { FAIL(); });
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, Code::too_large);
  EXPECT_FALSE(queue.submit({}, {}, [](Result<Computed>) { FAIL(); }));

  // Hold the engine inside a callback; then three may wait and the fourth is refused.
  std::promise<void> entered;
  std::promise<void> leave;
  auto leave_future = leave.get_future();
  ASSERT_TRUE(queue.submit({sequence("a")}, {}, [&](Result<Computed>) {
    entered.set_value();
    leave_future.wait();
  }));
  entered.get_future().wait();
  std::atomic<int> answered = 0;
  const auto count = [&](Result<Computed> vectors) { answered += vectors ? 1 : 0; };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.submit({sequence("abc")}, {}, count));
  EXPECT_EQ(queue.state().waiting_requests, 3);
  const Status full = queue.submit({sequence("abc")}, {}, count);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::overloaded);
  leave.set_value();
  engine.drain();
  EXPECT_EQ(answered.load(), 3);
}

TEST_F(QueueOverAModel, ARequestLargerThanAPassIsSplitAndComesBackWhole) {
  std::mt19937 rng(2);
  std::vector<TokenSequence> sequences;
  std::vector<float> want;
  for (int i = 0; i < 40; ++i) {
    const std::string text = random_text(rng);
    const std::vector<float> vector = alone(text);
    want.insert(want.end(), vector.begin(), vector.end());
    sequences.push_back(sequence(text));
  }
  ASSERT_LT(count_that_fit(sequences, embedder_->max_batch_tokens()), sequences.size());
  Engine engine;
  Queue& queue = engine.add("model", *embedder_, {});
  std::promise<Result<Computed>> promise;
  ASSERT_TRUE(
      queue.submit(std::move(sequences), {}, [&](Result<Computed> vectors) { promise.set_value(std::move(vectors)); }));
  const auto got = promise.get_future().get();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->vectors, want);
}

TEST_F(QueueOverAModel, ATokenizerWithMoreIdsThanTheModelIsRefused) {
  const model::testing::SyntheticModel small({.model_type = "mistralbidirectional", .vocab_size = 20});
  small.files().write("tokenizer.json", text::testing::small_bpe({}).dump());
  const auto opened = Embedder::open(small.folder(), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
  EXPECT_NE(opened.error().line().find("vocab_size is 20"), std::string::npos);
}

TEST(Packer, FillsABudgetAndNeverGivesNothing) {
  std::vector<TokenSequence> sequences(4);
  for (size_t i = 0; i < 4; ++i) sequences[i].ids.assign(10 * (i + 1), 5);
  sequences[1].pool_begin = 3;
  EXPECT_EQ(count_that_fit(sequences, 5), 1U);  // longer than the budget: alone
  EXPECT_EQ(count_that_fit(sequences, 30), 2U);
  EXPECT_EQ(count_that_fit(sequences, 1000), 4U);
  EXPECT_EQ(count_that_fit({}, 10), 0U);
  const model::Batch batch = pack(std::span(sequences).first(2));
  EXPECT_EQ(batch.n_seqs(), 2U);
  EXPECT_EQ(batch.offsets, (std::vector<int32_t>{0, 10, 30}));
  EXPECT_EQ(batch.pool_begin, (std::vector<int32_t>{0, 3}));
  EXPECT_EQ(batch.n_tokens(), 30U);
}

}  // namespace
}  // namespace lode::embed
