#include "index/word_table.h"

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lode::index {
namespace {

RC_GTEST_PROP(WordTable, NumbersWordsInTheOrderInWhichTheyCame, (const std::vector<std::string>& words)) {
  WordTable table;
  std::unordered_map<std::string, uint32_t> expected;
  for (const std::string& word : words) {
    RC_ASSERT(table.find(word).has_value() == expected.contains(word));
    const auto [at, is_new] = expected.try_emplace(word, static_cast<uint32_t>(expected.size()));
    RC_ASSERT(table.add(word) == std::pair(at->second, is_new));
  }
  RC_ASSERT(table.size() == expected.size());
  for (const auto& [word, number] : expected) {
    RC_ASSERT(table.word(number) == word);
    RC_ASSERT(table.find(word) == number);
  }
}

TEST(WordTable, KeepsManyWordsAndLongOnesWhereTheyAre) {
  WordTable table;
  std::vector<std::string_view> views;
  const auto word = [](uint32_t i) { return std::string(i % 1000 == 7 ? 100'000 : 3, 'x') + std::to_string(i); };
  for (uint32_t i = 0; i < 20'000; ++i) {
    ASSERT_EQ(table.add(word(i)), std::pair(i, true));
    views.push_back(table.word(i));
  }
  const WordTable moved = std::move(table);
  for (uint32_t i = 0; i < 20'000; ++i) {
    ASSERT_EQ(moved.find(word(i)), i);
    ASSERT_EQ(moved.word(i).data(), views[i].data());
    ASSERT_EQ(views[i], word(i));
  }
  EXPECT_FALSE(moved.find("").has_value());
}

}  // namespace
}  // namespace lode::index
