// Tokenizers out into GGUF's keys and back in: the golden ids come out again; what is malformed is refused.
#include "text/gguf_tokenizer.h"

#include <fstream>

#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "base/gguf.h"
#include "base/gguf_head.h"
#include "base/json.h"
#include "published_tokenizers.h"
#include "text/gguf_vocabulary.h"

namespace lode::text {
namespace {

struct Change {
  std::string without;  // a key that is left out
  std::function<void(gguf::Head&)> more;
};

std::string head_of(const GgufVocabulary& vocabulary, const Change& change = {}) {
  gguf::Head head;
  const auto add = [&](const std::string& name, const auto& value) {
    if (name != change.without) head.add("tokenizer.ggml." + name, value);
  };
  add("model", std::string_view(vocabulary.model));
  add("tokens", vocabulary.tokens);
  if (!vocabulary.scores.empty()) add("scores", std::span<const float>(vocabulary.scores));
  add("token_type", std::span<const int32_t>(vocabulary.types));
  for (const auto& [name, id] : vocabulary.ids) add(name, id);
  for (const auto& [name, flag] : vocabulary.flags) add(name, flag);
  if (change.more) change.more(head);
  return head.bytes();
}

Result<std::unique_ptr<Tokenizer>> read(const std::string& bytes) {
  LODE_ASSIGN(const gguf::File file, gguf::parse(std::as_bytes(std::span(bytes)), "t.gguf"));
  return read_gguf_tokenizer(file, "t.gguf");
}

std::string outcome(const Result<std::unique_ptr<Tokenizer>>& result) {
  if (result) return "accepted";
  return std::string(code_name(result.error().code)) + ": " + result.error().message;
}

void expect_says(const std::string& said, const std::string& wanted) {
  EXPECT_NE(said.find(wanted), std::string::npos) << "wanted: " << wanted << "\nsaid: " << said;
}

// Rows of golden/tokenizer whose ids differ.
int n_other_ids(const Tokenizer& tokenizer, const std::filesystem::path& rows) {
  std::ifstream file(rows);
  int n_rows = 0;
  int n_other = 0;
  for (std::string line; std::getline(file, line); ++n_rows) {
    const auto document = json::Document::parse(line, "row");
    if (!document) return -1;
    std::vector<TokenId> ids;
    for (const json::Value id : document->root().get("ids")->items()) ids.push_back(static_cast<TokenId>(*id.as_int()));
    if (encode_with_template(tokenizer, *document->root().get("text")->as_string()) != ids) ++n_other;
  }
  return n_rows == 2373 ? n_other : -1;
}

TEST(GgufTokenizer, MistralsGoldenIdsComeBackFromTokensAndScores) {
  LODE_NEED_MISTRAL();
  const auto folder = testing::shared_folder() / "golden/tokenizer";
  const auto vocabulary = gguf_vocabulary(folder, *testing::mistral().from_json);
  ASSERT_TRUE(vocabulary) << vocabulary.error().line();
  EXPECT_EQ(vocabulary->model, "llama");
  EXPECT_EQ(vocabulary->types[1], 3);
  EXPECT_EQ(vocabulary->types[3], 6);
  const auto back = read(head_of(*vocabulary));
  ASSERT_TRUE(back) << back.error().line();
  EXPECT_EQ(n_other_ids(**back, folder / "mistral_ids.jsonl"), 0);
}

TEST(GgufTokenizer, ScoresCanComeFromMergesAlone) {
  LODE_NEED_MISTRAL();
  const auto folder = testing::shared_folder() / "golden/tokenizer";
  const test::TemporaryFolder json_only;
  json_only.write("tokenizer.json", test::read_all(folder / "tokenizer.json"));
  const auto vocabulary = gguf_vocabulary(json_only.path(), *testing::mistral().from_json);
  ASSERT_TRUE(vocabulary) << vocabulary.error().line();
  const auto back = read(head_of(*vocabulary));
  ASSERT_TRUE(back) << back.error().line();
  EXPECT_EQ(n_other_ids(**back, folder / "mistral_ids.jsonl"), 0);
}

class SmallBert : public ::testing::Test {
 protected:
  SmallBert() {
    folder_.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncafe\n##s\na\n##b\n!\n##\n");
    auto tokenizer = load_tokenizer(folder_.path());
    EXPECT_TRUE(tokenizer);
    if (tokenizer) tokenizer_ = std::move(*tokenizer);
    auto vocabulary = gguf_vocabulary(folder_.path(), *tokenizer_);
    EXPECT_TRUE(vocabulary);
    if (vocabulary) vocabulary_ = std::move(*vocabulary);
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Tokenizer> tokenizer_;
  GgufVocabulary vocabulary_;
};

TEST_F(SmallBert, ComesBackAsItWas) {
  EXPECT_EQ(vocabulary_.tokens[5], "\u2581cafe");
  EXPECT_EQ(vocabulary_.tokens[6], "s");
  const auto back = read(head_of(vocabulary_));
  ASSERT_TRUE(back) << back.error().line();
  for (const std::string text : {"Caf\u00E9s! ab aab", "[MASK] a[SEP]b ##", "", "zzz"}) {
    EXPECT_EQ(encode_with_template(**back, text), encode_with_template(*tokenizer_, text)) << text;
  }
  for (TokenId id = 0; id < tokenizer_->vocab_size(); ++id) EXPECT_EQ((*back)->piece_of(id), tokenizer_->piece_of(id));
}

TEST_F(SmallBert, KeepsCapitalsWhereTheKeysSaySo) {
  vocabulary_.flags["normalizer.lowercase"] = false;
  vocabulary_.flags["normalizer.strip_accents"] = false;
  const auto back = read(head_of(vocabulary_));
  ASSERT_TRUE(back) << back.error().line();
  EXPECT_EQ(encode_with_template(**back, "A"), (std::vector<TokenId>{2, 1, 3}));
}

TEST_F(SmallBert, WhatIsMissingOrContradictsItselfIsRefused) {
  const auto without = [&](const char* key) { return outcome(read(head_of(vocabulary_, {key, {}}))); };
  expect_says(without("model"), "corrupt: t.gguf: tokenizer.ggml.model is missing, expected a string");
  expect_says(without("tokens"), "tokenizer.ggml.tokens is missing, expected a list of strings");
  const auto with = [&](const char* key, auto value) {
    return outcome(read(
        head_of(vocabulary_, {key, [&](gguf::Head& head) { head.add(std::string("tokenizer.ggml.") + key, value); }})));
  };
  expect_says(with("model", "gpt2"), "unsupported: t.gguf: tokenizer.ggml.model is \"gpt2\", expected llama");
  expect_says(with("tokens", uint32_t{3}), "tokenizer.ggml.tokens is u32");
  expect_says(with("tokens", std::vector<std::string>{"a"}), "expected 1 whole numbers, one a token");
  const std::vector<int32_t> wild(vocabulary_.tokens.size(), 9);
  expect_says(with("token_type", std::span<const int32_t>(wild)), "token_type holds 9, expected 1 to 6");
  expect_says(with("unknown_token_id", uint32_t{99}), "unknown_token_id is 99, expected the id of one of 11 tokens");
  expect_says(with("mask_token_id", "x"), "mask_token_id is string, expected the id of one of 11 tokens");
  expect_says(with("normalizer.lowercase", uint32_t{1}), "normalizer.lowercase is u32, expected a boolean");
  expect_says(with("model", "llama"), "tokenizer.ggml.scores is missing, expected 11 numbers");
}

TEST_F(SmallBert, ScoresThatAreNoNumbersAreRefused) {
  vocabulary_.model = "llama";
  vocabulary_.scores.assign(vocabulary_.tokens.size(), 0.0F);
  vocabulary_.scores[4] = NAN;
  expect_says(outcome(read(head_of(vocabulary_))), "the score of token 4 is not a finite number");
}

}  // namespace
}  // namespace lode::text
