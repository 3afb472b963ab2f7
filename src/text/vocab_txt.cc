#include "text/vocab_txt.h"

#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "text/pipeline.h"
#include "text/wordpiece.h"

namespace lode::text {

Result<std::unique_ptr<Tokenizer>> make_wordpiece(const std::vector<std::string_view>& in_order, std::string_view what,
                                                  const TokenizerConfig& config) {
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  if (in_order.size() > static_cast<size_t>(Vocab::kMaxId)) {
    return fail(Code::corrupt, fmt::format("{}: more than {} pieces", what, Vocab::kMaxId));
  }
  for (const std::string_view piece : in_order) pieces.emplace_back(piece, static_cast<TokenId>(pieces.size()));
  LODE_ASSIGN(auto vocab, Vocab::make(pieces, what));

  std::map<TokenId, AddedToken> named;
  const auto name = [&](std::string_view key, std::string_view otherwise, bool needed) -> Result<TokenId> {
    AddedToken token;
    token.content = config.name(key, otherwise);
    const auto id = vocab.id_of(token.content);
    if (!id && needed) {
      return fail(Code::corrupt, fmt::format("{}: no piece is {}, the {}", what, json::quote(token.content), key),
                  "Expected a BERT vocabulary: one piece a line");
    }
    if (!id) return -1;
    token.id = *id;
    token.special = true;
    return named.insert_or_assign(*id, std::move(token)).first->first;
  };
  WordPieceOptions options;
  LODE_ASSIGN(options.unknown, name("unk_token", "[UNK]", true));
  LODE_ASSIGN(const TokenId separator, name("sep_token", "[SEP]", true));
  LODE_ASSIGN(const TokenId start, name("cls_token", "[CLS]", true));
  LODE_TRY(name("pad_token", "[PAD]", false));
  LODE_TRY(name("mask_token", "[MASK]", false));
  options.normalizer.lowercase = config.do_lower_case.value_or(true);
  options.normalizer.strip_accents = config.strip_accents;
  options.normalizer.space_ideographs = config.tokenize_chinese_chars.value_or(true);
  LODE_ASSIGN(auto model, WordPiece::make(vocab, std::move(options), what));

  for (const AddedToken& token : config.added) named.insert_or_assign(token.id, token);
  std::vector<AddedToken> tokens;
  for (auto& [id, token] : named) tokens.push_back(std::move(token));
  for (const AddedToken& token : tokens) LODE_TRY(vocab.add(token.content, token.id, what));
  LODE_ASSIGN(auto added, AddedTokens::make(tokens, *model, what));
  return std::make_unique<Pipeline>(Pipeline::Parts{std::move(vocab), std::move(added), std::move(model),
                                                    Decoder({Decoder::WordPiece{"##", true}}),
                                                    Template{{start}, {separator}}});
}

Result<std::unique_ptr<Tokenizer>> read_vocab_txt(std::string_view bytes, std::string_view what,
                                                  const TokenizerConfig& config) {
  std::vector<std::string_view> pieces;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    auto line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    pieces.push_back(line);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (pieces.size() > static_cast<size_t>(Vocab::kMaxId)) break;  // make_wordpiece refuses it
  }
  return make_wordpiece(pieces, what, config);
}

}  // namespace lode::text
