#include "text/vocab.h"

#include <string>

#include <gtest/gtest.h>

#include "text/byte_trie.h"

namespace lode::text {
namespace {

using Entries = std::vector<std::pair<std::string_view, TokenId>>;

std::string refusal(const Entries& pieces) {
  const auto vocab = Vocab::make(pieces, "vocab.txt");
  if (vocab) return "accepted";
  EXPECT_EQ(vocab.error().code, Code::corrupt);
  return vocab.error().message;
}

TEST(Vocab, FindsPiecesAndIdsBothWays) {
  auto vocab = Vocab::make({{"a", 0}, {"bb", 7}, {"\u00e9", 3}}, "vocab.txt");
  ASSERT_TRUE(vocab.has_value());
  EXPECT_EQ(vocab->size(), 8);
  EXPECT_EQ(vocab->id_of("bb"), 7);
  EXPECT_EQ(vocab->id_of("b"), std::nullopt);
  EXPECT_EQ(vocab->id_of(""), std::nullopt);
  EXPECT_EQ(vocab->piece_of(3), "\u00e9");
  for (const TokenId id : {-1, 1, 8, 1000}) EXPECT_EQ(vocab->piece_of(id), "");
}

TEST(Vocab, HoldsManyPieces) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20000; ++i) texts.push_back("piece" + std::to_string(i));
  auto vocab = Vocab::make({{"first", 20000}}, "vocab.txt");
  ASSERT_TRUE(vocab.has_value());
  for (TokenId id = 0; id < 20000; ++id) ASSERT_TRUE(vocab->add(texts[static_cast<size_t>(id)], id, "").has_value());
  for (TokenId id = 0; id < 20000; ++id) ASSERT_EQ(vocab->id_of(texts[static_cast<size_t>(id)]), id);
  EXPECT_EQ(vocab->id_of("first"), 20000);
  EXPECT_TRUE(vocab->add("piece7", 7, "").has_value());  // it is there already
}

TEST(Vocab, RefusesWhatCannotBeAVocabulary) {
  EXPECT_EQ(refusal({{"a", 0}, {"", 1}}), "vocab.txt: the piece of id 1 is empty");
  EXPECT_EQ(refusal({{"a", 0}, {"b", 0}}), "vocab.txt: id 0 is given to two pieces, \"a\" and \"b\"");
  EXPECT_EQ(refusal({{"a", 0}, {"a", 1}}), "vocab.txt: piece \"a\" has two ids, 0 and 1");
  EXPECT_EQ(refusal({{"a", -1}}), "vocab.txt: id -1 of piece \"a\", expected 0 to 4194303");
  EXPECT_EQ(refusal({{"a", 2147483647}}), "vocab.txt: id 2147483647 of piece \"a\", expected 0 to 4194303");
  EXPECT_NE(refusal({{"\xFF", 0}}).find("not valid UTF-8"), std::string::npos);
}

TEST(ByteTrie, FindsTheLongestKey) {
  ByteTrie trie;
  for (const auto& [key, value] : {std::pair{"a", 1}, {"abc", 2}, {"b", 3}, {"abcd", 4}}) {
    ASSERT_TRUE(trie.insert(key, value));
  }
  const auto match = trie.longest_prefix("abcx");
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->value, 2);
  EXPECT_EQ(match->n_bytes, 3u);
  EXPECT_EQ(trie.longest_prefix("abx")->value, 1);
  EXPECT_EQ(trie.longest_prefix("abcd")->value, 4);
  EXPECT_FALSE(trie.longest_prefix("xa").has_value());
  EXPECT_FALSE(trie.longest_prefix("").has_value());
  ASSERT_TRUE(trie.insert("abc", 9));
  EXPECT_EQ(trie.longest_prefix("abc")->value, 9);
}

}  // namespace
}  // namespace lode::text
