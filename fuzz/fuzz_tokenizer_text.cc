// Any bytes as a text. On a small BPE with byte fallback: the ids are those of merging by the definition (lowest rank,
// then leftmost, over the whole segment), and decoding gives the text back. On a small WordPiece: every id is a token.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"

namespace {

using lode::json::quote;
using lode::text::TokenId;
using lode::text::Tokenizer;

constexpr std::pair<const char*, const char*> kMerges[] = {
    {"a", "b"},           {"\u2581", "ab"},      {"b", "a"},    {"ab", "ab"},    {"a", "a"},     {"aa", "aa"},
    {"\u2581", "\u2581"}, {"ab", "a"},           {"b", "ba"},   {"aa", "b"},     {"c", "ab"},    {"c", "c"},
    {"aba", "c"},         {"\u2581\u2581", "a"}, {"cab", "cc"}, {"\u00E9", "a"}, {"b", "\u2581"}};

std::unique_ptr<Tokenizer> read(const std::string& file) {
  auto tokenizer = lode::text::read_tokenizer_json(file, "fixed", {});
  LODE_CHECK(tokenizer.has_value());
  return std::move(*tokenizer);
}

std::unique_ptr<Tokenizer> make_bpe() {
  std::string vocab, merges;
  int n = 0;
  std::vector<std::string> seen;
  const auto add = [&](const std::string& piece) {
    for (const auto& other : seen) {
      if (other == piece) return;
    }
    seen.push_back(piece);
    vocab += fmt::format("{}{}:{}", n == 0 ? "" : ",", quote(piece), n);
    ++n;
  };
  for (const char* name : {"<unk>", "<s>", "</s>"}) add(name);
  for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte));
  for (const char* piece : {"\u2581", "a", "b", "c", "\u00E9"}) add(piece);
  for (const auto& [left, right] : kMerges) {
    add(std::string(left) + right);
    merges += fmt::format("{}[{},{}]", merges.empty() ? "" : ",", quote(left), quote(right));
  }
  return read(fmt::format(
      R"({{"added_tokens":[{{"id":0,"content":"<unk>","special":true}},{{"id":1,"content":"<s>","special":true}},
      {{"id":2,"content":"</s>","special":true}}],"normalizer":{{"type":"Sequence","normalizers":[
      {{"type":"Prepend","prepend":"\u2581"}},{{"type":"Replace","pattern":{{"String":" "}},"content":"\u2581"}}]}},
      "decoder":{{"type":"Sequence","decoders":[{{"type":"Replace","pattern":{{"String":"\u2581"}},"content":" "}},
      {{"type":"ByteFallback"}},{{"type":"Fuse"}},{{"type":"Strip","content":" ","start":1,"stop":0}}]}},
      "model":{{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{{{}}},"merges":[{}]}}}})",
      vocab, merges));
}

std::unique_ptr<Tokenizer> make_wordpiece() {
  return read(
      R"({"added_tokens":[{"id":1,"content":"[SEP]","special":true},{"id":7,"content":"A \u00c9","normalized":true,"lstrip":true,
      "rstrip":true},{"id":8,"content":"ab","single_word":true}],"normalizer":{"type":"BertNormalizer"},
      "pre_tokenizer":{"type":"BertPreTokenizer"},"decoder":{"type":"WordPiece","prefix":"##"},
      "model":{"type":"WordPiece","vocab":{"[UNK]":0,"[SEP]":1,"a":2,"##b":3,"##a":4,"!":5,"\u6771":6}}})");
}

// The ids of one segment by the definition.
std::vector<TokenId> by_definition(const Tokenizer& tokenizer, std::string_view segment) {
  std::vector<std::string> pieces = {"\u2581"};
  for (size_t at = 0; at < segment.size();) {
    const size_t n_bytes = lode::text::utf8::scalar_at(segment, at).n_bytes;
    std::string piece(segment.substr(at, n_bytes));
    at += n_bytes;
    if (piece == " ") piece = "\u2581";
    if (tokenizer.id_of(piece)) {
      pieces.push_back(piece);
    } else {
      for (const char c : piece) pieces.push_back(fmt::format("<0x{:02X}>", static_cast<unsigned char>(c)));
    }
  }
  for (bool joined = true; joined;) {
    joined = false;
    for (const auto& [left, right] : kMerges) {
      for (size_t i = 0; i + 1 < pieces.size() && !joined; ++i) {
        if (pieces[i] != left || pieces[i + 1] != right) continue;
        pieces[i] += right;
        pieces.erase(pieces.begin() + static_cast<ptrdiff_t>(i) + 1);
        joined = true;
      }
      if (joined) break;
    }
  }
  std::vector<TokenId> ids;
  for (const auto& piece : pieces) ids.push_back(*tokenizer.id_of(piece));
  return ids;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto bpe = make_bpe();
  static const auto wordpiece = make_wordpiece();
  // Runs make the long domains that windows are for: an opening byte says how often the rest is repeated.
  std::string text;
  if (size > 0) {
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const size_t n_times = data[0] % 4 == 0 ? 1 + data[0] : 1;
    for (size_t i = 0; i < n_times && text.size() < 1200; ++i) text += rest;
    text.resize(std::min(text.size(), size_t{1500}));
  }
  const lode::text::utf8::Repaired repaired(text);
  const bool special = text.find("<unk>") != std::string::npos || text.find("<s>") != std::string::npos ||
                       text.find("</s>") != std::string::npos;
  std::vector<TokenId> ids;
  bpe->encode(text, ids);
  if (!special && !repaired.text().empty()) {
    LODE_CHECK(ids == by_definition(*bpe, repaired.text()));
    std::string expected(repaired.text());
    for (size_t at = 0; (at = expected.find("\u2581", at)) != std::string::npos;) expected.replace(at, 3, " ");
    LODE_CHECK(bpe->decode(ids) == expected);
  }
  ids.clear();
  wordpiece->encode(text, ids);
  for (const TokenId id : ids) LODE_CHECK(!wordpiece->piece_of(id).empty());
  (void)wordpiece->decode(ids);
  return 0;
}
