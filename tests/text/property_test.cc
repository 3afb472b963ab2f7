// What must hold for every text, on the published vocabulary where it is there and on a small one always.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
// rapidcheck.h must come after gtest.h
#include <rapidcheck.h>

#include <rapidcheck/gtest.h>

#include "published_tokenizers.h"
#include "small_tokenizers.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

using Ids = std::vector<TokenId>;

const Tokenizer& small() {
  static const auto tokenizer = testing::made(testing::small_bpe());
  return *tokenizer;
}

// The tokenizers that a property is tried on.
std::vector<const Tokenizer*> bpe_tokenizers() {
  std::vector<const Tokenizer*> all = {&small()};
  if (testing::mistral().from_json) all.push_back(testing::mistral().from_json.get());
  return all;
}

rc::Gen<char32_t> any_scalar() {
  return rc::gen::weightedOneOf<char32_t>({
      {6, rc::gen::elementOf(std::u32string(U"abcde\u00e9\u2581 "))},
      {6, rc::gen::cast<char32_t>(rc::gen::inRange<uint32_t>(0x20, 0x7F))},
      {1, rc::gen::cast<char32_t>(rc::gen::inRange<uint32_t>(0, 0x20))},
      {2, rc::gen::cast<char32_t>(rc::gen::inRange<uint32_t>(0x80, 0x3400))},
      {1, rc::gen::cast<char32_t>(rc::gen::inRange<uint32_t>(0x3400, 0xD800))},
      {1, rc::gen::cast<char32_t>(rc::gen::inRange<uint32_t>(0xE000, 0x110000))},
  });
}

rc::Gen<std::string> any_text() {
  return rc::gen::map(rc::gen::container<std::u32string>(any_scalar()), [](const std::u32string& scalars) {
    std::string text;
    for (const char32_t c : scalars) utf8::append(c, text);
    return text;
  });
}

Ids encoded(const Tokenizer& tokenizer, std::string_view text) {
  Ids ids;
  tokenizer.encode(text, ids);
  return ids;
}

bool has_special(std::string_view text) {
  for (const char* name : {"<unk>", "<s>", "</s>"}) {
    if (text.find(name) != std::string_view::npos) return true;
  }
  return false;
}

// The one thing that a round trip loses: the reference's own mark reads as a space.
std::string marks_as_spaces(std::string text) {
  const std::string mark = "\u2581";
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) text.replace(at, mark.size(), " ");
  return text;
}

RC_GTEST_PROP(TokenizerProperty, DecodingGivesTheTextBack, ()) {
  const std::string text = *any_text();
  RC_PRE(!has_special(text));
  for (const Tokenizer* tokenizer : bpe_tokenizers()) {
    RC_ASSERT(tokenizer->decode(encoded(*tokenizer, text)) == marks_as_spaces(text));
  }
}

RC_GTEST_PROP(TokenizerProperty, ASpecialTokenSplitsTheTextAnywhere, ()) {
  const std::string left = *any_text(), right = *any_text();
  RC_PRE(!has_special(left) && !has_special(right));
  for (const Tokenizer* tokenizer : bpe_tokenizers()) {
    Ids expected = encoded(*tokenizer, left);
    expected.push_back(2);
    const Ids after = encoded(*tokenizer, right);
    expected.insert(expected.end(), after.begin(), after.end());
    RC_ASSERT(encoded(*tokenizer, left + "</s>" + right) == expected);
  }
}

RC_GTEST_PROP(TokenizerProperty, BrokenUtf8IsReplacementCharacters, ()) {
  const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const utf8::Repaired repaired(bytes);
  for (const Tokenizer* tokenizer : bpe_tokenizers()) {
    RC_ASSERT(encoded(*tokenizer, bytes) == encoded(*tokenizer, repaired.text()));
  }
}

RC_GTEST_PROP(TokenizerProperty, EveryIdIsAToken, ()) {
  const std::string text = *any_text();
  for (const Tokenizer* tokenizer : bpe_tokenizers()) {
    for (const TokenId id : encode_with_template(*tokenizer, text)) RC_ASSERT(!tokenizer->piece_of(id).empty());
  }
}

TEST(TokenizerProperty, TokenizerModelAndTokenizerJsonAgree) {
  LODE_NEED_MISTRAL();
  const auto& [from_json, from_model] = testing::mistral();
  EXPECT_TRUE(rc::check("same ids", [&] {
    const std::string text = *any_text();
    RC_ASSERT(encoded(*from_json, text) == encoded(*from_model, text));
  }));
  // Long texts without a space, where windows meet.
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::string text;
    while (text.size() < 5000) text += static_cast<char>('a' + random() % (2 + static_cast<unsigned>(round)));
    ASSERT_EQ(encoded(*from_json, text), encoded(*from_model, text));
  }
}

}  // namespace
}  // namespace lode::text
