#include "model/microbatch.h"

#include <algorithm>
#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace lode::model {
namespace {

Batch batch_of(const std::vector<int32_t>& lengths) {
  Batch batch;
  batch.offsets.push_back(0);
  for (const int32_t length : lengths) batch.offsets.push_back(batch.offsets.back() + length);
  batch.ids.resize(static_cast<size_t>(batch.offsets.back()));
  batch.pool_begin.resize(lengths.size());
  return batch;
}

std::vector<int32_t> random_lengths(std::mt19937& rng, size_t n, int32_t most) {
  std::vector<int32_t> lengths(n);
  for (int32_t& length : lengths) length = 1 + static_cast<int32_t>(rng() % static_cast<uint32_t>(most));
  return lengths;
}

std::vector<int64_t> rows_of(const std::vector<Microbatch>& parts) {
  std::vector<int64_t> rows;
  for (const Microbatch& part : parts) rows.push_back(part.n_rows);
  return rows;
}

// Every sequence once, whole, where the batch has it; no part above `rows` but one of a single sequence.
void expect_whole(const Batch& batch, std::vector<Microbatch> parts, int64_t rows) {
  std::ranges::sort(parts, {}, &Microbatch::first_row);
  size_t sequence = 0;
  for (const Microbatch& part : parts) {
    ASSERT_FALSE(part.spans.empty());
    int64_t n_rows = 0;
    for (const kernels::AttentionSpan& span : part.spans) {
      ASSERT_LT(sequence, batch.n_seqs());
      EXPECT_EQ(part.first_row + span.first_key, batch.offsets[sequence]);
      EXPECT_EQ(span.n_keys, batch.length(sequence));
      EXPECT_EQ(span.first_query, span.first_key);
      EXPECT_EQ(span.n_queries, span.n_keys);
      n_rows += span.n_keys;
      ++sequence;
    }
    EXPECT_EQ(part.n_rows, n_rows);
    EXPECT_TRUE(n_rows <= rows || part.spans.size() == 1) << n_rows;
  }
  EXPECT_EQ(sequence, batch.n_seqs());
}

TEST(Microbatch, TakesSequencesInOrderWhileTheyFit) {
  const Batch batch = batch_of({100, 200, 212, 1, 600, 5, 5});
  const std::vector<Microbatch> parts = cut(batch, 512);
  EXPECT_EQ(rows_of(parts), (std::vector<int64_t>{512, 1, 600, 10}));
  expect_whole(batch, parts, 512);
  EXPECT_TRUE(cut(batch_of({}), 512).empty());
}

TEST(Microbatch, ThreadsGetAboutEqualPartsTheLargestFirst) {
  const Batch batch = batch_of(std::vector<int32_t>(60, 16));  // 960 tokens
  EXPECT_EQ(rows_of(cut_for_threads(batch, 256, 2)), (std::vector<int64_t>{240, 240, 240, 240}));
  EXPECT_EQ(rows_of(cut_for_threads(batch, 256, 3)), (std::vector<int64_t>{160, 160, 160, 160, 160, 160}));
  EXPECT_EQ(rows_of(cut_for_threads(batch_of({100, 160, 60, 100, 160, 60}), 256, 2)),
            (std::vector<int64_t>{160, 160, 160, 100, 60}));
}

TEST(Microbatch, ThreadsGetNoPartsThatWouldLeaveOneIdle) {
  EXPECT_TRUE(cut_for_threads(batch_of({200, 200, 200}), 256, 2).empty());
  EXPECT_TRUE(cut_for_threads(batch_of({1000, 10, 10}), 256, 2).empty());
  EXPECT_TRUE(cut_for_threads(batch_of({20, 20, 20, 20}), 256, 2).empty());  // too few to be worth reading weights
  EXPECT_TRUE(cut_for_threads(batch_of({500}), 256, 1).empty());             // a thread alone has nobody to wait for
  EXPECT_TRUE(cut_for_threads(batch_of({}), 256, 2).empty());
}

TEST(Microbatch, AnyBatchIsCutWhole) {
  std::mt19937 rng(7);
  int n_for_threads = 0;
  for (int round = 0; round < 2000; ++round) {
    const Batch batch = batch_of(random_lengths(rng, rng() % 80, round % 2 == 0 ? 40 : 300));
    expect_whole(batch, cut(batch, 512), 512);
    const auto n_threads = static_cast<int64_t>(1 + rng() % 9);
    const std::vector<Microbatch> parts = cut_for_threads(batch, 256, n_threads);
    if (parts.empty()) continue;
    ++n_for_threads;
    expect_whole(batch, parts, 256);
    EXPECT_TRUE(std::ranges::is_sorted(rows_of(parts), std::greater{}));
    // The threads are busy for all but a sixteenth of the time.
    std::vector<int64_t> taken(static_cast<size_t>(n_threads));
    for (const int64_t rows : rows_of(parts)) *std::ranges::min_element(taken) += rows;
    EXPECT_GE(static_cast<double>(batch.n_tokens()),
              15.0 / 16 * static_cast<double>(std::ranges::max(taken) * n_threads));
  }
  EXPECT_GT(n_for_threads, 500);
}

}  // namespace
}  // namespace lode::model
