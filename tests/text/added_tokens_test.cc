#include "text/added_tokens.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "small_tokenizers.h"

namespace lode::text {
namespace {

using testing::Json;
using testing::made;
using testing::pieces_of;
using Pieces = std::vector<std::string>;

// A splitter of tokens 0, 1, ... with these contents; `change` sets flags.
TokenSplitter splitter(const std::vector<std::string>& contents, const std::function<void(AddedToken&)>& change = {}) {
  TokenSplitter out;
  for (size_t i = 0; i < contents.size(); ++i) {
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = contents[i];
    if (change) change(token);
    EXPECT_TRUE(out.add(token, token.content));
  }
  return out;
}

// "a[0:<s>]b": text as it is, tokens with their id and what they cover.
std::string shown(const TokenSplitter& tokens, std::string_view text) {
  std::string out;
  tokens.split(text, [&](const Stretch& stretch) {
    EXPECT_EQ(text.substr(stretch.at, stretch.text.size()), stretch.text);
    out += stretch.id < 0 ? std::string(stretch.text)
                          : "[" + std::to_string(stretch.id) + ":" + std::string(stretch.text) + "]";
  });
  return out;
}

TEST(TokenSplitter, TakesTheLeftmostThenTheLongest) {
  const auto tokens = splitter({"ab", "abc", "bcd", "x"});
  EXPECT_EQ(shown(tokens, "zabcd"), "z[1:abc]d");
  EXPECT_EQ(shown(tokens, "abxxabd"), "[0:ab][3:x][3:x][0:ab]d");
  EXPECT_EQ(shown(tokens, ""), "");
  EXPECT_EQ(shown(TokenSplitter(), "abc"), "abc");
}

TEST(TokenSplitter, SingleWordsStandAlone) {
  const auto tokens = splitter({"ab"}, [](AddedToken& token) { token.single_word = true; });
  EXPECT_EQ(shown(tokens, "ab cab ab_ -ab- \u00E9ab ab\u0301 ab"), "[0:ab] cab ab_ -[0:ab]- \u00E9ab ab\u0301 [0:ab]");
}

TEST(TokenSplitter, StripsWhiteSpaceOnTheSidesAskedFor) {
  const auto left = splitter({"ab"}, [](AddedToken& token) { token.lstrip = true; });
  EXPECT_EQ(shown(left, "x \t\u3000ab y ab"), "x[0: \t\u3000ab] y[0: ab]");
  const auto right = splitter({"ab"}, [](AddedToken& token) { token.rstrip = true; });
  EXPECT_EQ(shown(right, "x ab \nab  "), "x [0:ab \n][0:ab  ]");
  const auto both = splitter({"ab"}, [](AddedToken& token) { token.lstrip = token.rstrip = true; });
  EXPECT_EQ(shown(both, "ab  ab"), "[0:ab  ][0:ab]");
}

TEST(AddedTokens, NormalizedOnesAreLookedForInNormalizedText) {
  Json file = testing::small_wordpiece();
  Json token = testing::added_token(40, "CAT \u00C9");
  token["normalized"] = true;
  token["special"] = false;
  file["added_tokens"].push_back(token);
  const auto tokenizer = made(file);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "The Cat E the"), (Pieces{"the", "CAT \u00C9", "the"}));
  EXPECT_EQ(pieces_of(*tokenizer, "cat \u00E9"), Pieces{"CAT \u00C9"});
  EXPECT_EQ(tokenizer->vocab_size(), 41);
}

TEST(AddedTokens, RawOnesAreLookedForAsTheyAre) {
  const auto tokenizer = made(testing::small_wordpiece());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "the[SEP]cats"), (Pieces{"the", "[SEP]", "cat", "##s"}));
  EXPECT_EQ(pieces_of(*tokenizer, "[sep]"), (Pieces{"[UNK]", "[UNK]", "[UNK]"}));
}

}  // namespace
}  // namespace lode::text
