#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sentencepiece_file.h"
#include "small_tokenizers.h"
#include "text/sentencepiece_model.h"
#include "text/sentencepiece_tokenizer.h"

namespace lode::text {
namespace {

using namespace testing;
using Ids = std::vector<TokenId>;
using Pieces = std::vector<std::string>;

std::unique_ptr<Tokenizer> made_from(const std::string& bytes, const TokenizerConfig& config = {}) {
  auto tokenizer = read_sentencepiece(bytes, "m/tokenizer.model", config);
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().line());
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

std::string refusal(const std::string& bytes, Code code = Code::corrupt) {
  const auto tokenizer = read_sentencepiece(bytes, "m/tokenizer.model", {});
  if (tokenizer) return "accepted";
  EXPECT_EQ(tokenizer.error().code, code) << tokenizer.error().message;
  EXPECT_TRUE(tokenizer.error().message.starts_with("m/tokenizer.model: ")) << tokenizer.error().message;
  return tokenizer.error().message.substr(std::string_view("m/tokenizer.model: ").size());
}

TEST(SentencePiece, ReadsPiecesAndSettings) {
  const std::string bytes = small_sentencepiece();
  const auto model = SentencePieceModel::parse(bytes, "m");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->pieces.size(), 269u);
  EXPECT_EQ(model->pieces[259].text, "ab");
  EXPECT_EQ(model->pieces[259].score, -1.0F);
  EXPECT_EQ(model->pieces[0].type, SentencePieceModel::Type::unknown);
  EXPECT_EQ(model->pieces[3].type, SentencePieceModel::Type::byte);
  EXPECT_EQ(model->algorithm, SentencePieceModel::Algorithm::bpe);
  EXPECT_TRUE(model->byte_fallback);
  EXPECT_FALSE(model->remove_extra_whitespaces);
  EXPECT_FALSE(model->has_character_map);
}

TEST(SentencePiece, MergesByScore) {
  const auto tokenizer = made_from(small_sentencepiece());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "abcd"), (Pieces{"\u2581"
                                                   "ab",
                                                   "cd"}));
  EXPECT_EQ(pieces_of(*tokenizer, "dabcd\n"), (Pieces{"\u2581", "d", "abcd", "<0x0A>"}));
  EXPECT_EQ(pieces_of(*tokenizer, "a</s>ab"), (Pieces{"\u2581", "a", "</s>",
                                                      "\u2581"
                                                      "ab"}));
  EXPECT_EQ(tokenizer->decode(encode_with_template(*tokenizer, "ab cd"), true), "ab cd");
}

TEST(SentencePiece, TheConfigurationSaysWhatGoesAround) {
  TokenizerConfig config;
  EXPECT_EQ(encode_with_template(*made_from(small_sentencepiece()), "ab"), (Ids{1, 260}));
  config.add_eos_token = true;
  EXPECT_EQ(encode_with_template(*made_from(small_sentencepiece(), config), "ab"), (Ids{1, 260, 2}));
  config.add_bos_token = false;
  EXPECT_EQ(encode_with_template(*made_from(small_sentencepiece(), config), "ab"), (Ids{260, 2}));
  config.named["eos_token"] = "<end>";
  const auto refused = read_sentencepiece(small_sentencepiece(), "m", config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "m: eos_token is \"<end>\", which is no token");
  AddedToken end;
  end.id = 300;
  end.content = "<end>";
  config.added.push_back(end);
  EXPECT_EQ(encode_with_template(*made_from(small_sentencepiece(), config), "ab<end>"), (Ids{260, 300, 300}));
}

TEST(SentencePiece, WithoutLegacyOnlyTheStartGetsAMark) {
  TokenizerConfig config;
  config.legacy = false;
  EXPECT_EQ(pieces_of(*made_from(small_sentencepiece(), config), "ab</s>ab"), (Pieces{"\u2581"
                                                                                      "ab",
                                                                                      "</s>", "ab"}));
  config.add_prefix_space = false;
  EXPECT_EQ(pieces_of(*made_from(small_sentencepiece(), config), "ab"), Pieces{"ab"});
}

TEST(SentencePiece, UserDefinedPiecesAreLiteral) {
  const auto tokenizer = made_from(small_sentencepiece() + piece_field("dd", 0, 4));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "addd"), (Pieces{"\u2581", "a", "dd", "\u2581", "d"}));
}

TEST(SentencePiece, WhatIsMalformedIsRefused) {
  const std::string good = small_sentencepiece();
  EXPECT_EQ(refusal(""), "no pieces, expected a SentencePiece model");
  EXPECT_NE(refusal("version https://git-lfs.github.com/spec/v1\n").find("expected a SentencePiece model"),
            std::string::npos);
  EXPECT_NE(refusal(std::string(20, '\xFF')).find("a field tag is cut short or too long"), std::string::npos);
  EXPECT_NE(refusal(bytes_field(1, "")).find("piece 0: it has no text"), std::string::npos);
  EXPECT_NE(
      refusal(std::string("\x0A\xFF\xFF\xFF\xFF\x0F", 6)).find("says it has 4294967295 bytes, expected at most the 0"),
      std::string::npos);
  EXPECT_NE(refusal(std::string("\x02", 1) + good).find("field number 0"), std::string::npos);
  EXPECT_NE(refusal(std::string("\x0B", 1) + good).find("wire type 3"), std::string::npos);
  EXPECT_NE(refusal(std::string("\x09"
                                "1234",
                                5))
                .find("4 bytes follow, expected 8"),
            std::string::npos);
  EXPECT_NE(refusal(number_field(1, 5)).find("a section (field 1) has wire type 0"), std::string::npos);
  EXPECT_NE(refusal(bytes_field(1, number_field(1, 5))).find("its text (field 1) has wire type 0"), std::string::npos);
  EXPECT_NE(refusal(piece_field("x", 0, 9)).find("its type is 9, expected 1 to 6"), std::string::npos);
  EXPECT_NE(refusal(piece_field("x", std::numeric_limits<float>::quiet_NaN(), 1)).find("not a finite number"),
            std::string::npos);
  EXPECT_NE(refusal(good + piece_field("ab", 0, 1)).find("piece \"ab\" has two ids, 259 and 269"), std::string::npos);
  EXPECT_EQ(refusal(good + piece_field(std::string(513, 'x'), 0, 1)), "piece 269 has 513 bytes, expected at most 512");
  EXPECT_NE(refusal(good + piece_field("\xFF", 0, 1)).find("not valid UTF-8"), std::string::npos);
  EXPECT_NE(refusal(trainer_field() + normalizer_field() + piece_field("<unk>", 0, 2)).find("needs the piece <0x00>"),
            std::string::npos);
  EXPECT_NE(refusal(good + bytes_field(2, number_field(3, 77))).find("model_type is 77"), std::string::npos);
}

TEST(SentencePiece, EveryCutIsRefusedOrReadsWhatIsLeft) {
  const std::string good = small_sentencepiece();
  for (size_t n_bytes = 0; n_bytes < good.size(); ++n_bytes) {
    const auto tokenizer = read_sentencepiece(good.substr(0, n_bytes), "m", {});
    EXPECT_FALSE(tokenizer.has_value()) << n_bytes;  // the settings come last, so a cut loses one that is needed
  }
}

TEST(SentencePiece, OtherKindsAreRefusedByName) {
  const auto unsupported = [](const std::string& settings) {
    return refusal(small_sentencepiece() + settings, Code::unsupported);
  };
  EXPECT_EQ(unsupported(bytes_field(2, number_field(3, 1))), "model_type is 1, expected 2 (BPE)");
  EXPECT_EQ(unsupported(bytes_field(3, bytes_field(2, "map"))), "normalises by a character map, expected none");
  EXPECT_EQ(unsupported(bytes_field(3, number_field(4, 1))), "remove_extra_whitespaces is true, expected false");
  EXPECT_EQ(unsupported(bytes_field(3, number_field(5, 0))), "escape_whitespaces is false, expected true");
  EXPECT_EQ(unsupported(bytes_field(2, number_field(24, 1))), "treat_whitespace_as_suffix is true, expected false");
}

}  // namespace
}  // namespace lode::text
