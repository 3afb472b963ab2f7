// Exact search against the obvious loop: the same documents, ties by id, whatever the blocks.
#include "eval/exact_search.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/parallel.h"
#include "kernels/cpu.h"

namespace lode::eval {
namespace {

// Small whole numbers: products and sums are exact, and many are equal.
std::vector<float> whole_numbers(size_t n, uint32_t seed, int most) {
  std::mt19937 random(seed);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(static_cast<int>(random() % static_cast<uint32_t>(2 * most + 1)) - most);
  return out;
}

std::vector<Neighbour> by_loop(std::span<const float> scores, const std::vector<std::string>& ids, size_t k) {
  std::vector<Neighbour> all;
  for (size_t d = 0; d < scores.size(); ++d) all.push_back({static_cast<uint32_t>(d), scores[d]});
  std::ranges::sort(all, [&](const Neighbour& a, const Neighbour& b) {
    return a.score != b.score ? a.score > b.score : ids[a.document] > ids[b.document];
  });
  all.resize(std::min(k, all.size()));
  return all;
}

void expect_same(const std::vector<Neighbour>& ours, const std::vector<Neighbour>& expected) {
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].document, expected[i].document) << "place " << i;
    ASSERT_EQ(ours[i].score, expected[i].score) << "place " << i;
  }
}

TEST(ExactSearch, FindsWhatALoopFinds) {
  constexpr int64_t kDims = 24;
  const auto path = kernels::select();
  ASSERT_TRUE(path);
  ThreadPool pool(2);
  kernels::Context context(**path, pool);
  for (const auto& [n_queries, n_documents, k] :
       {std::array<size_t, 3>{1, 1, 10}, {3, 50, 7}, {300, 700, 1}, {5, 9000, 1000}, {2, 100, 100}}) {
    const auto queries = whole_numbers(n_queries * kDims, 1, 2), documents = whole_numbers(n_documents * kDims, 2, 2);
    std::vector<std::string> ids;
    for (size_t d = 0; d < n_documents; ++d) ids.push_back(std::to_string(d * 7919 % n_documents));
    const auto found = exact_search(context, queries, documents, kDims, ids, k);
    ASSERT_EQ(found.size(), n_queries);
    for (size_t q = 0; q < n_queries; ++q) {
      std::vector<float> scores(n_documents);
      for (size_t d = 0; d < n_documents; ++d) {
        for (size_t i = 0; i < kDims; ++i) scores[d] += queries[q * kDims + i] * documents[d * kDims + i];
      }
      expect_same(found[q], by_loop(scores, ids, k));
      if (q == 0) expect_same(best_of(scores, IdOrder(ids), k), by_loop(scores, ids, k));
    }
  }
}

TEST(ExactSearch, FindsTheSameWhateverTheBlocks) {
  constexpr int64_t kDims = 8;
  constexpr size_t kQueries = 530, kDocuments = 2100, kBest = 100;
  const auto path = kernels::select();
  ASSERT_TRUE(path);
  ThreadPool pool(2);
  kernels::Context context(**path, pool);
  // Few different scores, so that every list is cut within documents of one score; zeros of both signs among them.
  const auto queries = whole_numbers(kQueries * kDims, 3, 1), documents = whole_numbers(kDocuments * kDims, 4, 1);
  std::vector<std::string> ids;
  for (size_t d = 0; d < kDocuments; ++d) ids.push_back(std::to_string(d * 7919 % kDocuments));
  const auto whole = exact_search(context, queries, documents, kDims, ids, kBest);
  const IdOrder order(ids);
  for (const size_t n_block : {1, 37, 256, 1000, 2100}) {
    ExactSearch search(context, queries, kDims, order, kBest);
    for (size_t begin = 0; begin < kDocuments; begin += n_block) {
      const size_t n = std::min(n_block, kDocuments - begin);
      search.add(std::span(documents).subspan(begin * kDims, n * kDims));
    }
    const auto found = search.finish();
    ASSERT_EQ(found.size(), kQueries);
    for (size_t q = 0; q < kQueries; ++q) expect_same(found[q], whole[q]);
  }
}

TEST(ExactSearch, NegativeScoresAreInOrderAndBothZerosAreOne) {
  const std::vector<float> scores = {-2, -0.5F, 0, -0.0F, 3, -1};
  const std::vector<std::string> ids = {"f", "e", "b", "c", "a", "d"};
  const auto found = best_of(scores, IdOrder(ids), 6);
  std::vector<uint32_t> documents;
  for (const Neighbour& one : found) documents.push_back(one.document);
  EXPECT_EQ(documents, (std::vector<uint32_t>{4, 3, 2, 1, 5, 0}));
  EXPECT_EQ(best_of(scores, IdOrder(ids), 6, -0.5F).size(), 4U) << "what is below the least is left out";
}

TEST(ExactSearch, NothingIsFoundInNothing) {
  EXPECT_TRUE(best_of({}, IdOrder({}), 10).empty());
  const std::vector<float> scores = {1, 2};
  const std::vector<std::string> ids = {"a", "b"};
  EXPECT_TRUE(best_of(scores, IdOrder(ids), 0).empty());
}

}  // namespace
}  // namespace lode::eval
