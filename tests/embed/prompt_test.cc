// What goes in front, what is cut and what is pooled, with a tokenizer whose every byte is a token (id 10 + byte) and
// whose space before a letter merges with it, as Mistral's does.
#include "embed/prompt.h"

#include <gtest/gtest.h>

namespace lode::embed {
namespace {

using text::TokenId;

class ByteTokenizer final : public text::Tokenizer {
 public:
  ByteTokenizer(std::vector<TokenId> prefix, std::vector<TokenId> suffix)
      : prefix_(std::move(prefix)), suffix_(std::move(suffix)) {}

  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i, 4) == "</s>") {
        ids.push_back(2);
        i += 3;
      } else if (text[i] == ' ' && i + 1 < text.size() && std::isalpha(static_cast<unsigned char>(text[i + 1])) != 0) {
        ids.push_back(1000 + text[++i]);
      } else {
        ids.push_back(10 + text[i]);
      }
    }
  }
  std::string decode(std::span<const TokenId>, bool) const override { return {}; }
  std::span<const TokenId> template_prefix() const override { return prefix_; }
  std::span<const TokenId> template_suffix() const override { return suffix_; }
  int32_t vocab_size() const override { return 2000; }
  std::optional<TokenId> id_of(std::string_view) const override { return std::nullopt; }
  std::string_view piece_of(TokenId) const override { return {}; }
  std::string description() const override { return "bytes"; }

 private:
  std::vector<TokenId> prefix_;
  std::vector<TokenId> suffix_;
};

using Ids = std::vector<TokenId>;

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(10 + c);
  return ids;
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

model::ModelConfig nv_embed() {
  model::ModelConfig config;
  config.family = "NV-Embed";
  config.pooling = model::Pooling::latent_attention;
  config.pool_instruction = false;
  config.append_eos_text = true;
  config.prompts.task_template = "I:{task}\nQ: ";
  config.prompts.query = "I:find\nQ: ";
  return config;
}

model::ModelConfig plain() {
  model::ModelConfig config;
  config.family = "BERT";
  return config;
}

const ByteTokenizer kMistral({1}, {});
const ByteTokenizer kBert({101}, {102});

TEST(Prompt, NvEmbedAppendsEosAndLeavesTheInstructionOutOfThePool) {
  const auto s = build_sequence(kMistral, nv_embed(), "hi", "ab: ", 100, Truncate::none);
  ASSERT_TRUE(s);
  // The instruction alone is 4 tokens; in context its space merges with the h, so 4 positions are BOS and "ab:".
  EXPECT_EQ(s->ids, (Ids{1} + bytes("ab:") + Ids{1000 + 'h', 10 + 'i', 2}));
  EXPECT_EQ(s->pool_begin, 4);
  const auto passage = build_sequence(kMistral, nv_embed(), "hi", "", 100, Truncate::none);
  EXPECT_EQ(passage->ids, Ids{1} + bytes("hi") + Ids{2});
  EXPECT_EQ(passage->pool_begin, 0);
}

TEST(Prompt, AModelThatPoolsItsInstructionPoolsEverything) {
  const auto s = build_sequence(kBert, plain(), "hi", "ab: ", 100, Truncate::none);
  EXPECT_EQ(s->ids, (Ids{101} + bytes("ab:") + Ids{1000 + 'h', 10 + 'i', 102}));
  EXPECT_EQ(s->pool_begin, 0);
}

TEST(Prompt, AnEmptyTextIsItsSpecialTokens) {
  EXPECT_EQ(build_sequence(kMistral, nv_embed(), "", "", 100, Truncate::none)->ids, (Ids{1, 2}));
  EXPECT_EQ(build_sequence(kBert, plain(), "", "", 100, Truncate::none)->ids, (Ids{101, 102}));
  const ByteTokenizer bare({}, {});
  EXPECT_FALSE(build_sequence(bare, plain(), "", "", 100, Truncate::none));
}

TEST(Prompt, TooLongIsAnErrorWithBothNumbers) {
  const auto s = build_sequence(kBert, plain(), "abcdef", "", 7, Truncate::none);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::too_long);
  EXPECT_EQ(s.error().message, "Input length 8 exceeds maximum allowed token size 7");
  EXPECT_TRUE(build_sequence(kBert, plain(), "abcdef", "", 8, Truncate::none));
}

TEST(Prompt, TheEndIsCutAsTheReferenceDoes) {
  // A template's suffix survives; NV-Embed's EOS is part of the text and does not.
  const auto bert = build_sequence(kBert, plain(), "abcdef", "", 5, Truncate::end);
  EXPECT_EQ(bert->ids, Ids{101} + bytes("abc") + Ids{102});
  EXPECT_EQ(bert->n_tokens_before_cut, 8);
  const auto nv = build_sequence(kMistral, nv_embed(), "abcdef", "", 5, Truncate::end);
  EXPECT_EQ(nv->ids, Ids{1} + bytes("abcd"));
}

TEST(Prompt, TheStartIsCutBehindTheInstructionAndEosStays) {
  const auto nv = build_sequence(kMistral, nv_embed(), "0123456789", "ab: ", 9, Truncate::start);
  ASSERT_TRUE(nv);
  EXPECT_EQ(nv->ids, Ids{1} + bytes("ab:") + bytes("6789") + Ids{2});
  EXPECT_EQ(nv->pool_begin, 4);
  const auto bert = build_sequence(kBert, plain(), "0123456789", "", 5, Truncate::start);
  EXPECT_EQ(bert->ids, Ids{101} + bytes("789") + Ids{102});
}

TEST(Prompt, NothingLeftToPoolIsAnErrorAndNotANan) {
  const auto s = build_sequence(kMistral, nv_embed(), "abcdef", "instruct: ", 8, Truncate::end);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::invalid_argument);
  EXPECT_NE(s.error().line().find("nothing is left to pool"), std::string::npos);
  EXPECT_FALSE(build_sequence(kMistral, nv_embed(), "abcdef", "instruct: ", 8, Truncate::start));
}

TEST(Prompt, ALimitBelowTheSpecialTokensIsRefused) {
  EXPECT_FALSE(build_sequence(kBert, plain(), "abc", "", 1, Truncate::end));
  EXPECT_EQ(build_sequence(kBert, plain(), "abc", "", 2, Truncate::end)->ids, (Ids{101, 102}));
}

TEST(Prompt, TasksFillTheTemplate) {
  EXPECT_EQ(*task_instruction(nv_embed(), "x {task}"), "I:x {task}\nQ: ");
  EXPECT_FALSE(task_instruction(plain(), "x"));
  EXPECT_EQ(default_instruction(nv_embed(), InputType::query), "I:find\nQ: ");
  EXPECT_EQ(default_instruction(nv_embed(), InputType::passage), "");
  EXPECT_EQ(default_instruction(nv_embed(), InputType::unspecified), "");
}

TEST(Prompt, EveryLimitGivesAtMostThatManyTokensOrAnError) {
  for (const Truncate how : {Truncate::end, Truncate::start}) {
    for (int64_t limit = 1; limit < 30; ++limit) {
      for (const std::string_view instruction : {"", "ab: "}) {
        for (const auto& config : {nv_embed(), plain()}) {
          const auto s = build_sequence(kBert, config, "some words to cut", instruction, limit, how);
          if (!s) continue;
          EXPECT_LE(static_cast<int64_t>(s->ids.size()), limit);
          EXPECT_LT(s->pool_begin, static_cast<int32_t>(s->ids.size()));
          EXPECT_EQ(s->ids.front(), 101);
          EXPECT_EQ(s->ids.back(), 102);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lode::embed
