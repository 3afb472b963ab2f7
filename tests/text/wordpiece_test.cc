#include "text/wordpiece.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "small_tokenizers.h"

namespace lode::text {
namespace {

using testing::made;
using testing::pieces_of;
using testing::small_wordpiece;
using Pieces = std::vector<std::string>;

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const auto tokenizer = made(small_wordpiece({"a", "ab", "##b", "##c", "##bc", "b"}));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "abc"), (Pieces{"ab", "##c"}));
  EXPECT_EQ(pieces_of(*tokenizer, "abbc B"), (Pieces{"ab", "##bc", "b"}));
  EXPECT_EQ(pieces_of(*tokenizer, "abd"), Pieces{"[UNK]"});  // all of the word
  EXPECT_EQ(tokenizer->description(), "WordPiece, lower case");
}

TEST(WordPiece, WordsEndAtSpacePunctuationAndIdeographs) {
  const auto tokenizer = made(small_wordpiece());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer,
                      "The cats!!\tthe\u6771"
                      "cat"),
            (Pieces{"the", "cat", "##s", "!", "!", "the", "\u6771", "cat"}));
  EXPECT_EQ(pieces_of(*tokenizer, " \n "), Pieces{});
  EXPECT_EQ(pieces_of(*tokenizer, "the\u2014the"), (Pieces{"the", "[UNK]", "the"}));
  EXPECT_EQ(encode_with_template(*tokenizer, "the"), (std::vector<TokenId>{2, 5, 3}));
}

TEST(WordPiece, AWordOfMoreThanAHundredCharactersIsUnknown) {
  const auto tokenizer = made(small_wordpiece({"a", "##a", "\u00E4"}));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, std::string(100, 'a')).size(), 100u);
  EXPECT_EQ(pieces_of(*tokenizer, std::string(101, 'a')), Pieces{"[UNK]"});
}

TEST(WordPiece, DecodesIntoWords) {
  const auto tokenizer = made(small_wordpiece());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->decode(encode_with_template(*tokenizer, "The cats!")), "[CLS] the cats! [SEP]");
  EXPECT_EQ(tokenizer->decode(encode_with_template(*tokenizer, "The cats!"), true), "the cats!");
}

}  // namespace
}  // namespace lode::text
