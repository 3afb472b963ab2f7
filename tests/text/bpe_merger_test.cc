#include "text/bpe_merger.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lode::text {
namespace {

// The definition: join the two neighbours of lowest rank, leftmost first, until none joins.
std::vector<TokenId> by_definition(const Merges& merges, std::vector<TokenId> ids) {
  while (true) {
    size_t best = ids.size();
    Merges::Found found;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto here = merges.find(ids[i], ids[i + 1]);
      if (here.rank < found.rank) {
        best = i;
        found = here;
      }
    }
    if (best == ids.size()) return ids;
    ids[best] = found.result;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

std::vector<TokenId> merged(const Merges& merges, const std::vector<TokenId>& symbols) {
  BpeMerger merger(merges);
  std::vector<TokenId> ids;
  merger.merge(symbols, ids);
  return ids;
}

// A vocabulary of random merges over a few symbols. Ranks follow no order that makes it easy: a piece may be joined
// before or after the pieces that it is made of.
std::vector<Merges::Merge> random_merges(std::mt19937& random, int n_symbols, int n_merges, TokenId max_length) {
  std::vector<Merges::Merge> merges;
  std::vector<TokenId> lengths(static_cast<size_t>(n_symbols), 1);
  for (int i = 0; i < n_merges; ++i) {
    const auto n = static_cast<TokenId>(lengths.size());
    const TokenId left = static_cast<TokenId>(random()) % n, right = static_cast<TokenId>(random()) % n;
    if (left < 0 || right < 0) continue;
    const TokenId length = lengths[static_cast<size_t>(left)] + lengths[static_cast<size_t>(right)];
    if (length > max_length) continue;
    merges.push_back({left, right, n});
    lengths.push_back(length);
  }
  std::ranges::shuffle(merges, random);
  return merges;
}

TEST(BpeMerger, EqualsItsDefinitionOnShortAndLongDomains) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const int n_symbols = 1 + static_cast<int>(random() % 4);
    const Merges merges(random_merges(random, n_symbols, 1 + static_cast<int>(random() % 60), 24));
    const size_t n = round % 4 == 0 ? 300 + random() % 900 : random() % 60;
    std::vector<TokenId> symbols(n);
    for (auto& symbol : symbols) symbol = static_cast<TokenId>(random() % static_cast<unsigned>(n_symbols));
    ASSERT_EQ(merged(merges, symbols), by_definition(merges, symbols)) << "round " << round;
  }
}

TEST(BpeMerger, EqualsItsDefinitionOnPeriodicDomains) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    const int n_symbols = 1 + static_cast<int>(random() % 3);
    const Merges merges(random_merges(random, n_symbols, 1 + static_cast<int>(random() % 30), 32));
    std::vector<TokenId> period(1 + random() % 7), symbols;
    for (auto& symbol : period) symbol = static_cast<TokenId>(random() % static_cast<unsigned>(n_symbols));
    while (symbols.size() < 1000) symbols.insert(symbols.end(), period.begin(), period.end());
    ASSERT_EQ(merged(merges, symbols), by_definition(merges, symbols)) << "round " << round;
  }
}

// Here what a window sees at its start depends on the very end of the domain: pairs join from the right only, because
// each join makes the next one possible. The windows have to give way until one holds everything.
TEST(BpeMerger, ADomainDecidedFromItsEndIsStillExact) {
  for (const size_t n : {100U, 255U, 256U, 257U, 1000U, 5000U}) {
    const Merges merges({{0, 1, 1}});  // x then E is E: E eats the row of x before it
    std::vector<TokenId> symbols(n, 0);
    symbols.push_back(1);
    EXPECT_EQ(merged(merges, symbols), std::vector<TokenId>{1}) << n;
  }
}

TEST(BpeMerger, TheLaterEntryOfAPairCounts) {
  const Merges merges({{0, 1, 5}, {1, 2, 6}, {0, 1, 7}});
  EXPECT_EQ(merges.find(0, 1).rank, 2u);
  EXPECT_EQ(merged(merges, {0, 1, 2}), (std::vector<TokenId>{0, 6}));
  EXPECT_EQ(merged(merges, {0, 1}), std::vector<TokenId>{7});
  EXPECT_EQ(merges.find(2, 1).rank, Merges::kNever);
}

TEST(BpeMerger, EqualRanksGoFromTheLeft) {
  const Merges merges({{0, 0, 1}, {1, 1, 2}});
  EXPECT_EQ(merged(merges, std::vector<TokenId>(7, 0)), (std::vector<TokenId>{2, 1, 0}));
}

TEST(BpeMerger, MergesNothingAndAddsToWhatIsThere) {
  const Merges merges(std::vector<Merges::Merge>{});
  BpeMerger merger(merges);
  std::vector<TokenId> ids = {9};
  merger.merge({}, ids);
  merger.merge(std::vector<TokenId>{4, 5}, ids);
  EXPECT_EQ(ids, (std::vector<TokenId>{9, 4, 5}));
}

}  // namespace
}  // namespace lode::text
