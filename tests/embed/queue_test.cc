// The queue over a small real model: everybody gets their own vectors, bounds are kept, draining answers what was
// accepted.
#include <atomic>
#include <cstring>
#include <future>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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

// Holds the engine inside a callback until let go.
class Hold {
 public:
  void on(Queue& queue, TokenSequence sequence) {
    std::promise<void> entered;
    ASSERT_TRUE(queue.submit({std::move(sequence)}, {}, [this, &entered](Result<Computed>) {
      entered.set_value();
      leave_.get_future().wait();
    }));
    entered.get_future().wait();
  }
  void let_go() { leave_.set_value(); }

 private:
  std::promise<void> leave_;
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

  // While the engine is held three may wait and the fourth is refused.
  Hold hold;
  hold.on(queue, sequence("a"));
  std::atomic<int> answered = 0;
  const auto count = [&](Result<Computed> vectors) { answered += vectors ? 1 : 0; };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.submit({sequence("abc")}, {}, count));
  EXPECT_EQ(queue.state().waiting_requests, 3);
  const Status full = queue.submit({sequence("abc")}, {}, count);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::overloaded);
  hold.let_go();
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

TEST_F(QueueOverAModel, WhoGoesAwayGivesTheirPlaceBackAndIsNotComputed) {
  std::atomic<int64_t> n_computed = 0;
  Engine engine({.on_pass = [&](const Pass& pass) { n_computed += pass.n_sequences; }});
  Queue& queue = engine.add("model", *embedder_, {.max_tokens = 1000, .max_requests = 2});
  Hold hold;
  hold.on(queue, sequence("a"));
  std::stop_source leaver;
  std::atomic<int> cancelled = 0;
  std::atomic<int> answered = 0;
  ASSERT_TRUE(queue.submit({sequence("abc"), sequence("abcd")}, leaver.get_token(), [&](Result<Computed> result) {
    cancelled += !result && result.error().code == Code::cancelled ? 1 : 100;
  }));
  ASSERT_TRUE(queue.submit({sequence("abc")}, {}, [&](Result<Computed> result) { answered += result ? 1 : 100; }));
  EXPECT_FALSE(queue.submit({sequence("abc")}, {}, [](Result<Computed>) { FAIL(); }));
  leaver.request_stop();
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(queue.state().waiting_requests, 1);
  ASSERT_TRUE(queue.submit({sequence("abc")}, {}, [&](Result<Computed> result) { answered += result ? 1 : 100; }));
  // Whoever is gone before they come is told so as well, and once.
  ASSERT_TRUE(queue.submit({sequence("abc")}, leaver.get_token(), [&](Result<Computed>) { ++cancelled; }));
  EXPECT_EQ(cancelled, 2);
  hold.let_go();
  engine.drain();
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(n_computed, 3);
}

TEST_F(QueueOverAModel, GoingAwayInTheMiddleIsSafeAtAnyTime) {
  Engine engine;
  Queue& queue = engine.add("model", *embedder_, {});
  const std::vector<float> want = alone("abc de");
  std::atomic<int> n_done = 0;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 rng(static_cast<uint32_t>(client));
      for (int i = 0; i < 40; ++i) {
        std::stop_source leaver;
        std::vector<TokenSequence> sequences(1 + rng() % 8, sequence("abc de"));
        const size_t n = sequences.size();
        std::promise<void> over;
        ASSERT_TRUE(queue.submit(std::move(sequences), leaver.get_token(), [&, n](Result<Computed> result) {
          if (result ? result->vectors.size() != n * want.size() : result.error().code != Code::cancelled) ++wrong;
          for (size_t k = 0; result && k < n * want.size(); ++k) wrong += result->vectors[k] != want[k % want.size()];
          ++n_done;
          over.set_value();
        }));
        if (rng() % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(rng() % 300));
        leaver.request_stop();
        over.get_future().wait();
      }
    });
  }
  clients.clear();
  EXPECT_EQ(n_done, 8 * 40);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(queue.state().waiting_tokens, 0);
}

TEST_F(QueueOverAModel, AShortRequestPassesABulkOne) {
  std::vector<int64_t> tokens_of_pass;
  Engine engine({.on_pass = [&](const Pass& pass) { tokens_of_pass.push_back(pass.n_tokens); }});
  Queue& queue = engine.add("model", *embedder_, {});
  Hold hold;
  hold.on(queue, sequence("a"));
  std::atomic<int> order = 0;
  int bulk_at = 0;
  int short_at = 0;
  Timing bulk_timing;
  ASSERT_TRUE(queue.submit(std::vector<TokenSequence>(100, sequence("abcde abcde")), {}, [&](Result<Computed> result) {
    bulk_at = ++order;
    if (result) bulk_timing = result->timing;
  }));
  ASSERT_TRUE(queue.submit({sequence("abc")}, {}, [&](Result<Computed>) { short_at = ++order; }));
  hold.let_go();
  engine.drain();
  EXPECT_EQ(short_at, 1);
  EXPECT_EQ(bulk_at, 2);
  EXPECT_GT(bulk_timing.n_passes, 5);
  EXPECT_GT(bulk_timing.compute_s, 0);
  EXPECT_GT(bulk_timing.queue_s, 0);
  for (const int64_t n : tokens_of_pass) EXPECT_LE(n, embedder_->max_batch_tokens());
}

// The thread that the answer came on; waits for it.
std::thread::id who_answers(Queue& queue, TokenSequence sequence, const std::vector<float>& want) {
  std::promise<std::thread::id> answered;
  const Status accepted = queue.submit({std::move(sequence)}, {}, [&](Result<Computed> result) {
    EXPECT_TRUE(result && result->vectors == want);
    answered.set_value(std::this_thread::get_id());
  });
  EXPECT_TRUE(accepted);
  return answered.get_future().get();
}

TEST_F(QueueOverAModel, WhoSubmitsAShortRequestToAnIdleEngineComputesIt) {
  const std::vector<float> want = alone("abc");
  std::vector<std::thread::id> passes;
  Engine engine({.short_pass = std::chrono::hours(1),
                 .on_pass = [&](const Pass&) { passes.push_back(std::this_thread::get_id()); }});
  Queue& queue = engine.add("model", *embedder_, {});
  // How long it takes is not known yet.
  const std::thread::id of_engine = who_answers(queue, sequence("abc"), want);
  EXPECT_NE(of_engine, std::this_thread::get_id());
  std::thread::id of_next = of_engine;
  for (int i = 0; i < 1000 && of_next == of_engine; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // until the engine is idle again
    of_next = who_answers(queue, sequence("abc"), want);
  }
  EXPECT_EQ(of_next, std::this_thread::get_id());
  EXPECT_EQ(passes.back(), of_next);
  engine.drain();
  EXPECT_EQ(queue.submit({sequence("abc")}, {}, [](Result<Computed>) { FAIL(); }).error().code, Code::unavailable);
}

TEST_F(QueueOverAModel, WhatMayTakeLongIsHandedToTheEngine) {
  const std::vector<float> want = alone("abc");
  Engine never({.short_pass = std::chrono::milliseconds(0)});
  Queue& queue = never.add("model", *embedder_, {});
  for (int i = 0; i < 20; ++i) EXPECT_NE(who_answers(queue, sequence("abc"), want), std::this_thread::get_id());
}

TEST_F(QueueOverAModel, WhoSubmitsToABusyEngineDoesNotWait) {
  std::atomic<bool> here = false;
  Engine engine({.short_pass = std::chrono::hours(1)});
  Queue& queue = engine.add("model", *embedder_, {});
  who_answers(queue, sequence("a"), alone("a"));
  // Of its many passes this thread computes one at most.
  ASSERT_TRUE(queue.submit(std::vector<TokenSequence>(400, sequence("abcde abcde")), {}, [](Result<Computed>) {}));
  const auto me = std::this_thread::get_id();
  ASSERT_TRUE(queue.submit({sequence("abc")}, {}, [&](Result<Computed>) { here = std::this_thread::get_id() == me; }));
  engine.drain();
  EXPECT_FALSE(here);
}

TEST_F(QueueOverAModel, QueuesShareTheEngineByTheirShares) {
  std::vector<std::string> passes;
  Engine engine({.on_pass = [&](const Pass& pass) { passes.emplace_back(pass.model); }});
  Queue& large = engine.add("large", *embedder_, {.share = 3});
  Queue& small = engine.add("small", *embedder_, {.share = 1});
  Hold hold;
  hold.on(large, sequence("a"));
  const auto ignore = [](Result<Computed>) {};
  const std::vector<TokenSequence> bulk(400, sequence("abcde abcde"));
  ASSERT_TRUE(small.submit(bulk, {}, ignore));
  ASSERT_TRUE(large.submit(bulk, {}, ignore));
  hold.let_go();
  engine.drain();
  // While both have work; the times of passes vary, so the bounds are wide.
  const auto first = passes.begin() + 1;
  const auto half = std::ssize(passes) / 2;
  const auto n_small = std::count(first, first + half, "small");
  const auto n_large = half - n_small;
  EXPECT_GT(n_small, half / 20);
  EXPECT_GT(n_large, n_small);
  EXPECT_EQ(small.state().waiting_tokens + large.state().waiting_tokens, 0);
}

TEST_F(QueueOverAModel, IdsOfTheModelsOwnVocabularyAreTaken) {
  const TokenSequence whole = sequence("abcde");
  const std::vector<int64_t> ids(whole.ids.begin(), whole.ids.end());
  const auto same = embedder_->from_ids(ids, 0, Truncate::none);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->ids, whole.ids);
  const auto head = embedder_->from_ids(ids, 2, Truncate::end);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->ids, std::vector<text::TokenId>(whole.ids.begin(), whole.ids.begin() + 2));
  EXPECT_EQ(head->n_tokens_before_cut, std::ssize(ids));
  const auto tail = embedder_->from_ids(ids, 2, Truncate::start);
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->ids, std::vector<text::TokenId>(whole.ids.end() - 2, whole.ids.end()));
  EXPECT_EQ(embedder_->from_ids(ids, 2, Truncate::none).error().code, Code::too_long);
  for (const std::vector<int64_t>& wrong : {std::vector<int64_t>{}, {-1}, {1, 1 << 20}, {int64_t{1} << 40}}) {
    const auto refused = embedder_->from_ids(wrong, 0, Truncate::none);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
  }
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
