#include "text/tokenizer_json.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "small_tokenizers.h"

namespace lode::text {
namespace {

using testing::Json;
using testing::made;
using testing::small_bpe;
using testing::small_wordpiece;

struct Refusal {
  Code code = Code::internal;
  std::string message;
};

Refusal refusal_of(std::string_view bytes) {
  const auto tokenizer = read_tokenizer_json(bytes, "m/tokenizer.json", {});
  if (tokenizer) return {Code::internal, "accepted"};
  EXPECT_FALSE(tokenizer.error().hint.empty());
  EXPECT_TRUE(tokenizer.error().message.starts_with("m/tokenizer.json")) << tokenizer.error().message;
  return {tokenizer.error().code, tokenizer.error().message};
}

// The file with the value at `pointer` replaced must be refused like this.
void expect_refused(Json file, const char* pointer, const Json& value, Code code, std::string_view says) {
  file[Json::json_pointer(pointer)] = value;
  const Refusal seen = refusal_of(file.dump());
  EXPECT_EQ(seen.code, code) << pointer << ": " << seen.message;
  EXPECT_NE(seen.message.find(says), std::string::npos) << pointer << ": " << seen.message;
}

TEST(TokenizerJson, WhatIsMalformedIsRefusedWithTheFileAndThePlace) {
  constexpr Code kCorrupt = Code::corrupt;
  EXPECT_EQ(refusal_of("").code, kCorrupt);
  EXPECT_EQ(refusal_of("{\"model\": ").code, kCorrupt);
  EXPECT_EQ(refusal_of("[]").message, "m/tokenizer.json is [], expected an object");
  EXPECT_EQ(refusal_of("{}").message, "m/tokenizer.json: model is missing, expected an object");
  const Json bpe = small_bpe(), words = small_wordpiece();
  expect_refused(bpe, "/model/vocab", {1, 2}, kCorrupt, "model.vocab is [1,2], expected an object");
  expect_refused(bpe, "/model/vocab", Json::object(), kCorrupt, "model.vocab is empty");
  expect_refused(bpe, "/model/vocab/a", "x", kCorrupt, "model.vocab.a is \"x\", expected an id");
  expect_refused(bpe, "/model/vocab/a", -1, kCorrupt, "expected an id");
  expect_refused(bpe, "/model/vocab/a", 4000000000, kCorrupt, "expected an id");
  expect_refused(bpe, "/model/vocab/a", 1.5, kCorrupt, "expected an id");
  expect_refused(bpe, "/model/vocab/a", 0, kCorrupt, "id 0 is given to two pieces");
  expect_refused(bpe, "/model/merges", 3, kCorrupt, "model.merges is 3, expected an array");
  expect_refused(bpe, "/model/merges/0", "ab", kCorrupt, "expected two pieces");
  expect_refused(bpe, "/model/merges/0", "a b c", kCorrupt, "expected two pieces");
  expect_refused(bpe, "/model/merges/0", {"a", 2}, kCorrupt, "expected two pieces");
  expect_refused(bpe, "/model/merges/0", {"a"}, kCorrupt, "expected two pieces");
  expect_refused(bpe, "/model/merges/1", "a x", kCorrupt,
                 "model.merges[1] joins \"a x\", but \"x\" is not in the vocabulary");
  expect_refused(bpe, "/model/merges/1", "a e", kCorrupt, "\"ae\" is not in the vocabulary");
  expect_refused(bpe, "/model/unk_token", 5, kCorrupt, "model.unk_token is 5, expected a string");
  expect_refused(bpe, "/model/fuse_unk", "yes", kCorrupt, "expected true or false");
  expect_refused(bpe, "/normalizer", "NFC", kCorrupt, "normalizer is \"NFC\", expected an object");
  expect_refused(bpe, "/normalizer/normalizers/1/pattern/String", "", kCorrupt, "is empty");
  expect_refused(bpe, "/added_tokens/1/id", -5, kCorrupt, "added_tokens[1].id is -5, expected 0 to");
  expect_refused(bpe, "/added_tokens/1/id", 7, kCorrupt, "piece \"<s>\" has two ids, 1 and 7");
  expect_refused(bpe, "/added_tokens/1/content", "new", kCorrupt, "id 1 is given to two pieces");
  expect_refused(bpe, "/added_tokens/1/content", nullptr, kCorrupt, "added_tokens[1].content is missing");
  expect_refused(bpe, "/post_processor/special_tokens", Json::object(), kCorrupt, "special_tokens.<s> is missing");
  expect_refused(bpe, "/post_processor/special_tokens/<s>/ids", {99999}, kCorrupt, "adds id 99999, which is no token");
  expect_refused(bpe, "/post_processor/special_tokens/<s>/ids", {"x"}, kCorrupt, "expected ids");
  expect_refused(words, "/model/unk_token", "[unk]", kCorrupt, "expected a piece of the vocabulary");
  expect_refused(words, "/model/max_input_chars_per_word", -1, kCorrupt, "expected a count");
  expect_refused(words, "/normalizer", nullptr, kCorrupt, "normalizer is missing");
}

TEST(TokenizerJson, ALackingBytePieceIsNamed) {
  Json file = small_bpe();
  file["model"]["vocab"].erase("<0x80>");
  EXPECT_EQ(refusal_of(file.dump()).message,
            "m/tokenizer.json: byte fallback needs the piece <0x80>, which is missing");
}

TEST(TokenizerJson, WhatWeDoNotDoIsRefusedByName) {
  constexpr Code kUnsupported = Code::unsupported;
  const Json bpe = small_bpe(), words = small_wordpiece();
  expect_refused(bpe, "/model/type", "Unigram", kUnsupported, "model.type is Unigram, which Lodestone does not do");
  expect_refused(bpe, "/model/dropout", 0.1, kUnsupported, "model.dropout is 0.1");
  expect_refused(bpe, "/model/ignore_merges", true, kUnsupported, "model.ignore_merges");
  expect_refused(bpe, "/model/continuing_subword_prefix", "##", kUnsupported, "continuing_subword_prefix");
  expect_refused(bpe, "/model/end_of_word_suffix", "</w>", kUnsupported, "end_of_word_suffix");
  expect_refused(bpe, "/model/novelty", 1, kUnsupported, "model.novelty is 1, which Lodestone does not know");
  expect_refused(bpe, "/novelty", 1, kUnsupported, "tokenizer.json: novelty");
  expect_refused(bpe, "/normalizer", {{"type", "NFKC"}}, kUnsupported, "normalizer.type is NFKC");
  expect_refused(bpe, "/normalizer/normalizers/0", {{"type", "Strip"}}, kUnsupported,
                 "normalizer.normalizers[0].type is Strip");
  expect_refused(bpe, "/normalizer/normalizers/1/pattern", {{"Regex", " +"}}, kUnsupported, "pattern.Regex");
  expect_refused(bpe, "/pre_tokenizer", {{"type", "ByteLevel"}}, kUnsupported, "pre_tokenizer.type is ByteLevel");
  expect_refused(bpe, "/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}},
                 kUnsupported, "prepend_scheme is \"last\"");
  expect_refused(bpe, "/post_processor", {{"type", "ByteLevel"}}, kUnsupported, "post_processor.type is ByteLevel");
  expect_refused(bpe, "/post_processor/single", Json::array(), kUnsupported, "has the text 0 times");
  expect_refused(bpe, "/decoder", {{"type", "CTC"}}, kUnsupported, "decoder.type is CTC");
  expect_refused(bpe, "/added_tokens/0/regex", true, kUnsupported, "added_tokens[0].regex");
  expect_refused(words, "/normalizer", {{"type", "Lowercase"}}, kUnsupported, "normalizer.type is Lowercase");
  expect_refused(words, "/pre_tokenizer", {{"type", "Whitespace"}}, kUnsupported, "pre_tokenizer.type is Whitespace");
}

TEST(TokenizerJson, WithoutBytesTheUnknownPieceIsNeeded) {
  Json file = small_bpe();
  file["model"]["byte_fallback"] = false;
  file["model"]["unk_token"] = nullptr;
  EXPECT_EQ(refusal_of(file.dump()).code, Code::unsupported);
}

TEST(TokenizerJson, OldFilesThatNameNoModelTypeAreRead) {
  Json bpe = small_bpe(), words = small_wordpiece();
  bpe["model"].erase("type");
  words["model"].erase("type");
  EXPECT_EQ(made(bpe)->description(), "BPE, byte fallback");
  EXPECT_EQ(made(words)->description(), "WordPiece, lower case");
}

TEST(TokenizerJson, ReadsTheTemplateOfEveryFamily) {
  using Ids = std::vector<TokenId>;
  const auto around = [](const Tokenizer& tokenizer) {
    const auto prefix = tokenizer.template_prefix(), suffix = tokenizer.template_suffix();
    return std::pair(Ids(prefix.begin(), prefix.end()), Ids(suffix.begin(), suffix.end()));
  };
  Json file = small_bpe();
  EXPECT_EQ(around(*made(file)), std::pair(Ids{1}, Ids{}));
  file["post_processor"] = testing::template_of({{"<s>", 1}}, {{"</s>", 2}});
  EXPECT_EQ(around(*made(file)), std::pair(Ids{1}, Ids{2}));
  file["post_processor"] = nullptr;
  EXPECT_EQ(around(*made(file)), std::pair(Ids{}, Ids{}));
  Json words = small_wordpiece();
  words["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  EXPECT_EQ(around(*made(words)), std::pair(Ids{2}, Ids{3}));
}

TEST(TokenizerJson, TheConfigurationOfALlamaTokenizerOverridesItsTemplate) {
  TokenizerConfig config;
  config.tokenizer_class = "LlamaTokenizer";
  config.add_eos_token = true;
  EXPECT_EQ(made(small_bpe(), config)->template_suffix().size(), 1u);
  config.add_bos_token = false;
  EXPECT_EQ(made(small_bpe(), config)->template_prefix().size(), 0u);
  config.tokenizer_class = "SomethingElse";
  EXPECT_EQ(made(small_bpe(), config)->template_prefix().size(), 1u);
}

}  // namespace
}  // namespace lode::text
