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

// For each two ids the rank at which they join, or kNever.
constexpr uint8_t kNever = 255;
std::vector<std::vector<uint8_t>> make_ranks(const Tokenizer& tokenizer) {
  const auto n = static_cast<size_t>(tokenizer.vocab_size());
  std::vector<std::vector<uint8_t>> ranks(n, std::vector<uint8_t>(n, kNever));
  for (uint8_t rank = 0; const auto& [left, right] : kMerges) {
    ranks[static_cast<size_t>(*tokenizer.id_of(left))][static_cast<size_t>(*tokenizer.id_of(right))] = rank++;
  }
  return ranks;
}

// The ids of one segment by the definition.
std::vector<TokenId> by_definition(const Tokenizer& tokenizer, std::string_view segment) {
  static const auto ranks = make_ranks(tokenizer);
  std::vector<TokenId> ids = {*tokenizer.id_of("\u2581")};
  for (size_t at = 0; at < segment.size();) {
    const size_t n_bytes = lode::text::utf8::scalar_at(segment, at).n_bytes;
    const std::string_view piece = segment.substr(at, n_bytes) == " " ? "\u2581" : segment.substr(at, n_bytes);
    at += n_bytes;
    if (const auto id = tokenizer.id_of(piece)) {
      ids.push_back(*id);
    } else {
      for (const char c : piece)
        ids.push_back(*tokenizer.id_of(fmt::format("<0x{:02X}>", static_cast<unsigned char>(c))));
    }
  }
  while (true) {
    size_t best = 0;
    uint8_t best_rank = kNever;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const uint8_t rank = ranks[static_cast<size_t>(ids[i])][static_cast<size_t>(ids[i + 1])];
      if (rank >= best_rank) continue;
      best = i;
      best_rank = rank;
    }
    if (best_rank == kNever) return ids;
    ids[best] = *tokenizer.id_of(std::string(kMerges[best_rank].first) + kMerges[best_rank].second);
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
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
