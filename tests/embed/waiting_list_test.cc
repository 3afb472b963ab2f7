// Which sequences a pass gets: budgets are kept, nobody starves, short requests pass long ones, nothing is lost or
// doubled.
#include "embed/waiting_list.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lode::embed {
namespace {

std::shared_ptr<Request> request(const std::vector<int>& lengths) {
  auto made = std::make_shared<Request>();
  for (const int length : lengths) {
    made->sequences.push_back({.ids = std::vector<text::TokenId>(static_cast<size_t>(length), 1)});
    made->n_tokens_left += length;
  }
  return made;
}

int64_t length(const Slot& slot) {
  return std::ssize(slot.request->sequences[slot.index].ids);
}

int64_t n_tokens(const std::vector<Slot>& slots) {
  return std::accumulate(slots.begin(), slots.end(), int64_t{0},
                         [](int64_t sum, const Slot& slot) { return sum + length(slot); });
}

int64_t n_tokens_of(const std::vector<Slot>& slots, const std::shared_ptr<Request>& owner) {
  int64_t sum = 0;
  for (const Slot& slot : slots) sum += slot.request == owner ? length(slot) : 0;
  return sum;
}

TEST(WaitingListTest, ALoneRequestGetsTheWholeBudget) {
  WaitingList list;
  const auto bulk = request(std::vector<int>(100, 10));
  list.push(bulk);
  EXPECT_EQ(n_tokens(list.take(256)), 250);
  EXPECT_EQ(list.n_tokens(), 750);
  EXPECT_EQ(list.n_requests(), 1);
}

TEST(WaitingListTest, ABulkRequestGetsHalfAndTheShortOnesPassIt) {
  WaitingList list;
  const auto bulk = request(std::vector<int>(1000, 10));
  list.push(bulk);
  std::vector<std::shared_ptr<Request>> shorts;
  for (int i = 0; i < 30; ++i) list.push(shorts.emplace_back(request({8})));
  const auto first = list.take(256);
  EXPECT_EQ(n_tokens_of(first, bulk), 120);  // half of the budget, in whole texts
  EXPECT_EQ(n_tokens_of(first, shorts.front()), 8);
  EXPECT_EQ(n_tokens_of(first, shorts[16]), 8);
  EXPECT_EQ(n_tokens(first), 256);
  // Those that are left come before the bulk's second half, and the bulk gets on all the same.
  const auto second = list.take(256);
  EXPECT_GE(n_tokens_of(second, bulk), 120);
  for (const auto& one : shorts) EXPECT_EQ(n_tokens_of(first, one) + n_tokens_of(second, one), 8);
}

TEST(WaitingListTest, ABulkRequestGetsOnUnderAnEndlessStreamOfShortOnes) {
  WaitingList list;
  const auto bulk = request(std::vector<int>(100, 20));
  list.push(bulk);
  int passes = 0;
  while (bulk->n_taken < bulk->sequences.size()) {
    for (int i = 0; i < 64; ++i) list.push(request({8}));
    list.take(256);
    ASSERT_LT(++passes, 20);
  }
  EXPECT_LE(passes, 17);  // 2,000 tokens by 120 or more
}

TEST(WaitingListTest, ALongerTextIsNotPassedForEver) {
  WaitingList list;
  std::vector<std::shared_ptr<Request>> longer;
  for (int i = 0; i < 30; ++i) list.push(longer.emplace_back(request({40})));
  int passes = 0;
  while (std::ranges::any_of(longer, [](const auto& one) { return one->n_taken == 0; })) {
    for (int i = 0; i < 60; ++i) list.push(request({8}));
    list.take(256);
    ASSERT_LT(++passes, 100);
  }
  EXPECT_LE(passes, 11);  // three a pass in the half that goes by age
}

TEST(WaitingListTest, ATextLongerThanABatchGoesAloneAndIsNeitherFirstNorNever) {
  WaitingList list;
  const auto giant = request({1000});
  list.push(giant);
  for (int i = 0; i < 10; ++i) list.push(request({5}));
  const auto first = list.take(256);  // the short ones do not wait for it
  EXPECT_EQ(n_tokens_of(first, giant), 0);
  EXPECT_EQ(n_tokens(first), 50);
  const auto second = list.take(256);  // nobody else waits
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].request, giant);

  const auto other = request({1000});
  list.push(other);
  int passes = 0;
  while (other->n_taken == 0) {
    list.push(request({5}));
    const auto slots = list.take(256);
    EXPECT_FALSE(slots.empty());
    EXPECT_TRUE(other->n_taken == 0 || slots.size() == 1);
    ASSERT_LT(++passes, 20);
  }
  EXPECT_EQ(passes, 8);  // halves of 128 saved up to 1000
}

TEST(WaitingListTest, APassIsSortedByLength) {
  WaitingList list;
  for (const int n : {9, 3, 7, 1, 8}) list.push(request({n, 10 - n}));
  const auto slots = list.take(1000);
  ASSERT_EQ(slots.size(), 10U);
  EXPECT_TRUE(std::ranges::is_sorted(slots, {}, length));
}

TEST(WaitingListTest, ARemovedRequestGivesItsPlaceBackAndIsNeverTaken) {
  WaitingList list;
  const auto a = request({10, 10});
  const auto b = request({10});
  list.push(a);
  list.push(b);
  EXPECT_EQ(n_tokens(list.take(10)), 10);
  EXPECT_EQ(n_tokens(list.take(10)), 10);
  EXPECT_EQ(list.n_tokens(), 10);
  EXPECT_EQ(a->n_taken + b->n_taken, 2U);
  EXPECT_TRUE(list.remove(*a));
  EXPECT_FALSE(list.remove(*a));
  EXPECT_EQ(n_tokens_of(list.take(100), a), 0);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.n_tokens(), 0);
  EXPECT_FALSE(list.remove(*b));
}

RC_GTEST_PROP(WaitingListProperty, EverySequenceIsTakenOnceInOrderAndWithinTheBudget, (uint32_t seed)) {
  std::mt19937 rng(seed);
  WaitingList list;
  std::vector<std::shared_ptr<Request>> requests;
  std::map<const Request*, size_t> next;
  std::map<const Request*, bool> removed;
  int64_t waiting = 0;
  size_t n_pushed = 0;
  int passes = 0;
  while (n_pushed < 30 || !list.empty()) {
    if (n_pushed < 30 && rng() % 2 == 0) {
      std::vector<int> lengths(1 + rng() % 20);
      for (int& n : lengths) n = 1 + static_cast<int>(rng() % (rng() % 10 == 0 ? 300 : 20));
      list.push(requests.emplace_back(request(lengths)));
      waiting += requests.back()->n_tokens_left;
      ++n_pushed;
      continue;
    }
    if (!requests.empty() && rng() % 16 == 0) {
      Request& one = *requests[rng() % requests.size()];
      const int64_t left = one.n_tokens_left;
      if (list.remove(one)) {
        waiting -= left;
        removed[&one] = true;
      }
      continue;
    }
    const bool was_empty = list.empty();
    const int64_t budget = 1 + static_cast<int64_t>(rng() % 200);
    const auto slots = list.take(budget);
    RC_ASSERT(slots.empty() == was_empty);
    RC_ASSERT(n_tokens(slots) <= budget || slots.size() == 1);
    std::map<const Request*, std::vector<size_t>> taken;
    for (const Slot& slot : slots) taken[slot.request.get()].push_back(slot.index);
    for (auto& [owner, indices] : taken) {
      RC_ASSERT(!removed[owner]);
      std::ranges::sort(indices);
      for (const size_t index : indices) RC_ASSERT(index == next[owner]++);
    }
    waiting -= n_tokens(slots);
    RC_ASSERT(list.n_tokens() == waiting);
    RC_ASSERT(++passes < 20000);
  }
  for (const auto& one : requests) RC_ASSERT(removed[one.get()] || next[one.get()] == one->sequences.size());
  RC_ASSERT(list.n_tokens() == 0);
  RC_ASSERT(list.n_requests() == 0);
}

}  // namespace
}  // namespace lode::embed
