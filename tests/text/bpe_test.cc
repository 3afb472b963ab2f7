#include "text/bpe.h"

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
using testing::small_bpe;
using Pieces = std::vector<std::string>;

Json with_metaspace(std::string_view scheme, bool split) {
  Json file = small_bpe({{"\u2581", "a"}, {"b", "\u2581"}, {"\u2581", "b"}});
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}, {"split", split}};
  return file;
}

TEST(Bpe, MergesByRankAcrossTheWholeText) {
  const auto tokenizer = made(small_bpe());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "abcd"), (Pieces{"\u2581"
                                                   "ab",
                                                   "cd"}));  // "_ab" comes before "abcd"
  EXPECT_EQ(pieces_of(*tokenizer, "cabcd"), (Pieces{"\u2581", "c", "abcd"}));
  EXPECT_EQ(pieces_of(*tokenizer, ""), Pieces{});
  EXPECT_EQ(pieces_of(*tokenizer, " "), Pieces{"\u2581\u2581"});
  EXPECT_EQ(tokenizer->description(), "BPE, byte fallback");
}

TEST(Bpe, SplitsUnknownCharactersIntoTheirBytes) {
  const auto tokenizer = made(small_bpe());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "\u00E9\n\u6771"),
            (Pieces{"\u2581", "\u00E9", "<0x0A>", "<0xE6>", "<0x9D>", "<0xB1>"}));
  EXPECT_EQ(pieces_of(*tokenizer, "<0x41>"),
            (Pieces{"\u2581", "<0x3C>", "<0x30>", "<0x78>", "<0x34>", "<0x31>", "<0x3E>"}));
}

TEST(Bpe, SpecialTokensCutTheTextAndEachPartGetsItsMark) {
  const auto tokenizer = made(small_bpe());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer, "ab</s>ab"), (Pieces{"\u2581"
                                                       "ab",
                                                       "</s>",
                                                       "\u2581"
                                                       "ab"}));
  EXPECT_EQ(pieces_of(*tokenizer, "</s> <s>"), (Pieces{"</s>", "\u2581\u2581", "<s>"}));
  EXPECT_EQ(encode_with_template(*tokenizer, "</s>"), (std::vector<TokenId>{1, 2}));
}

TEST(Bpe, InvalidUtf8CountsAsReplacementCharacters) {
  const auto tokenizer = made(small_bpe());
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(pieces_of(*tokenizer,
                      "a\xFF"
                      "b\xE2\x82"),
            pieces_of(*tokenizer,
                      "a\uFFFD"
                      "b\uFFFD"));
}

TEST(Bpe, MergesMayBePairsInsteadOfStrings) {
  Json file = small_bpe();
  const auto expected = pieces_of(*made(file), "abcd aab a");
  for (auto& merge : file["model"]["merges"]) {
    const std::string text = merge;
    const size_t space = text.find(' ');
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  EXPECT_EQ(pieces_of(*made(file), "abcd aab a"), expected);
}

TEST(Bpe, MetaspacePrependsAsItsSchemeSays) {
  EXPECT_EQ(pieces_of(*made(with_metaspace("always", false)), "a</s>a"), (Pieces{"\u2581"
                                                                                 "a",
                                                                                 "</s>",
                                                                                 "\u2581"
                                                                                 "a"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("first", false)), "a</s>a"), (Pieces{"\u2581"
                                                                                "a",
                                                                                "</s>", "a"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("first", false)), "</s>a"), (Pieces{"</s>", "a"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("never", false)), "a</s>a"), (Pieces{"a", "</s>", "a"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("always", false)), " a"), Pieces{"\u2581"
                                                                            "a"});  // one mark is enough
}

TEST(Bpe, MetaspaceMaySplitBeforeEachMark) {
  EXPECT_EQ(pieces_of(*made(with_metaspace("never", false)), "b a"), (Pieces{"b",
                                                                             "\u2581"
                                                                             "a"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("never", false)), "b c"), (Pieces{"b\u2581", "c"}));
  EXPECT_EQ(pieces_of(*made(with_metaspace("never", true)), "b c"), (Pieces{"b", "\u2581", "c"}));
}

TEST(Bpe, WithoutBytesUnknownCharactersAreOneUnknownPieceOrMany) {
  Json file = small_bpe();
  file["model"]["byte_fallback"] = false;
  EXPECT_EQ(pieces_of(*made(file), "xya z"), (Pieces{"\u2581", "<unk>", "a", "\u2581", "<unk>"}));
  file["model"]["fuse_unk"] = false;
  EXPECT_EQ(pieces_of(*made(file), "xya"), (Pieces{"\u2581", "<unk>", "<unk>", "a"}));
}

TEST(Bpe, MergesOfBytePiecesAreMerges) {
  Json file = small_bpe({{"<0x0A>", "a"}, {"b", "<0x0A>"}});
  EXPECT_EQ(pieces_of(*made(file), "b\na"), (Pieces{"\u2581", "b", "<0x0A>a"}));
  EXPECT_EQ(pieces_of(*made(file), "b\nb"), (Pieces{"\u2581", "b<0x0A>", "b"}));
}

TEST(Bpe, DecodesWhatItEncoded) {
  const auto tokenizer = made(small_bpe());
  ASSERT_TRUE(tokenizer);
  for (const std::string text : {"", "ab cd", "  a", "\u6771\u4EAC\n", "na\u00EFve \U0001F642"}) {
    std::vector<TokenId> ids;
    tokenizer->encode(text, ids);
    EXPECT_EQ(tokenizer->decode(ids), text);
  }
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{1, 260, 2, 999999, -1}), "<s>a</s>");
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{1, 260, 2}, true), "a");
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{3 + 0xE6, 3 + 0x9D}), "\uFFFD\uFFFD");
}

}  // namespace
}  // namespace lode::text
