#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sentencepiece_file.h"
#include "small_tokenizers.h"
#include "text/tokenizer.h"

namespace lode::text {
namespace {

namespace fs = std::filesystem;
using testing::pieces_of;
using Ids = std::vector<TokenId>;
using Pieces = std::vector<std::string>;

constexpr std::string_view kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n\u00E9\n##s\nThe\n\u6771";

class LoadTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const char* name, std::string_view bytes) const { std::ofstream(folder_ / name, std::ios::binary) << bytes; }
  [[nodiscard]] std::unique_ptr<Tokenizer> loaded() const {
    auto tokenizer = load_tokenizer(folder_);
    EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().line());
    return tokenizer ? std::move(*tokenizer) : nullptr;
  }
  [[nodiscard]] Error refusal() const {
    const auto tokenizer = load_tokenizer(folder_);
    return tokenizer ? Error{Code::internal, "accepted", ""} : tokenizer.error();
  }

  fs::path folder_;
};

TEST_F(LoadTokenizer, AFolderWithoutOneIsRefusedWithWhatIsExpected) {
  EXPECT_EQ(refusal().code, Code::not_found);
  EXPECT_EQ(refusal().message,
            folder_.string() + ": no tokenizer, expected tokenizer.json, tokenizer.model or vocab.txt");
}

TEST_F(LoadTokenizer, PrefersTokenizerJsonThenTheModelThenTheVocabulary) {
  put("vocab.txt", kVocab);
  EXPECT_EQ(loaded()->description(), "WordPiece, lower case");
  put("tokenizer.model", testing::small_sentencepiece());
  EXPECT_EQ(loaded()->vocab_size(), 269);
  put("tokenizer.json", testing::small_bpe().dump());
  EXPECT_EQ(loaded()->vocab_size(), 273);
}

TEST_F(LoadTokenizer, NamesTheFileThatIsWrong) {
  put("tokenizer.json", "{");
  EXPECT_EQ(refusal().code, Code::corrupt);
  EXPECT_TRUE(refusal().message.starts_with((folder_ / "tokenizer.json").string())) << refusal().message;
  put("tokenizer_config.json", "[1]");
  EXPECT_EQ(refusal().message, (folder_ / "tokenizer_config.json").string() + " is [1], expected an object");
  put("tokenizer_config.json", R"({"add_bos_token": 3})");
  EXPECT_NE(refusal().message.find("add_bos_token is 3, expected true or false"), std::string::npos);
  put("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "a"}}})");
  EXPECT_NE(refusal().message.find("added_tokens_decoder.x is a key, expected a token id"), std::string::npos);
}

TEST_F(LoadTokenizer, AVocabularyAloneIsUncasedBert) {
  put("vocab.txt", kVocab);
  const auto tokenizer = loaded();
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(encode_with_template(*tokenizer, "THE thes\u6771[SEP]\u00C9"), (Ids{2, 5, 5, 7, 9, 3, 1, 3}));
  EXPECT_EQ(tokenizer->vocab_size(), 10);
}

TEST_F(LoadTokenizer, TheConfigurationChangesWhatTheVocabularyMeans) {
  put("vocab.txt", kVocab);
  put("tokenizer_config.json",
      R"({"do_lower_case": false, "tokenize_chinese_chars": false, "strip_accents": null, "sep_token": {"content": "[MASK]"},
          "added_tokens_decoder": {"10": {"content": "<new>", "special": true}}})");
  const auto tokenizer = loaded();
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(encode_with_template(*tokenizer, "The THE\u6771 \u00E9<new>"), (Ids{2, 8, 1, 6, 10, 4}));
}

TEST_F(LoadTokenizer, AVocabularyMayHaveWindowsLineEnds) {
  put("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\nthe\r\n");
  EXPECT_EQ(encode_with_template(*loaded(), "the"), (Ids{1, 3, 2}));
}

TEST_F(LoadTokenizer, AVocabularyOfAnotherKindIsRefused) {
  put("vocab.txt", "<s>\n</s>\nthe\n");
  EXPECT_EQ(refusal().message, (folder_ / "vocab.txt").string() + ": no piece is \"[UNK]\", the unk_token");
  put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n\nthe\n");
  EXPECT_NE(refusal().message.find("the piece of id 3 is empty"), std::string::npos);
  put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nthe\nthe\n");
  EXPECT_NE(refusal().message.find("piece \"the\" has two ids, 3 and 4"), std::string::npos);
  put("vocab.txt", "");
  EXPECT_EQ(refusal().code, Code::corrupt);
}

}  // namespace
}  // namespace lode::text
