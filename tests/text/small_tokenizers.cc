#include "small_tokenizers.h"

#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "text/tokenizer_json.h"

namespace lode::text::testing {

Json added_token(int id, std::string_view content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

Json template_of(std::vector<std::pair<std::string, int>> before, std::vector<std::pair<std::string, int>> after) {
  Json single = Json::array(), table = Json::object();
  const auto add = [&](const std::pair<std::string, int>& token) {
    single.push_back({{"SpecialToken", {{"id", token.first}, {"type_id", 0}}}});
    table[token.first] = {{"id", token.first}, {"ids", {token.second}}, {"tokens", {token.first}}};
  };
  for (const auto& token : before) add(token);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  for (const auto& token : after) add(token);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", table}};
}

Json small_bpe(const std::vector<std::pair<std::string, std::string>>& merges) {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int byte = 0; byte < 256; ++byte) vocab[fmt::format("<0x{:02X}>", byte)] = 3 + byte;
  for (const char* piece : {"\u2581", "a", "b", "c", "d", "e", "\u00e9"}) vocab[piece] = vocab.size();
  Json list = Json::array();
  for (const auto& [left, right] : merges) {
    list.push_back(left + " " + right);
    if (!vocab.contains(left + right)) vocab[left + right] = vocab.size();
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", {added_token(0, "<unk>"), added_token(1, "<s>"), added_token(2, "</s>")}},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", "\u2581"}},
              {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}}},
          {"pre_tokenizer", nullptr},
          {"post_processor", template_of({{"<s>", 1}}, {})},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", "<unk>"},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", list}}}};
}

Json small_bpe() {
  return small_bpe(
      {{"a", "b"}, {"\u2581", "ab"}, {"c", "d"}, {"ab", "cd"}, {"\u2581", "\u2581"}, {"a", "a"}, {"aa", "aa"}});
}

Json small_wordpiece(const std::vector<std::string>& pieces) {
  Json vocab, added = Json::array();
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    added.push_back(added_token(static_cast<int>(vocab.size()), name));
    vocab[name] = vocab.size();
  }
  for (const auto& piece : pieces) vocab[piece] = vocab.size();
  return {{"version", "1.0"},
          {"truncation", {{"max_length", 4}}},
          {"padding", {{"pad_id", 0}}},
          {"added_tokens", added},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor", template_of({{"[CLS]", 2}}, {{"[SEP]", 3}})},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocab}}}};
}

std::unique_ptr<Tokenizer> made(const Json& file, const TokenizerConfig& config) {
  auto tokenizer = read_tokenizer_json(file.dump(), "tokenizer.json", config);
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().line());
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  std::vector<std::string> pieces;
  for (const TokenId id : ids) pieces.emplace_back(tokenizer.piece_of(id));
  return pieces;
}

}  // namespace lode::text::testing
