#include "text/sentencepiece_tokenizer.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "text/bpe.h"
#include "text/byte_pieces.h"
#include "text/pipeline.h"
#include "text/sentencepiece_model.h"
#include "text/template.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

Status check_supported(const SentencePieceModel& model, std::string_view what) {
  const auto refuse = [what](std::string_view seen) {
    return fail(
        Code::unsupported, fmt::format("{}: {}", what, seen),
        "Lodestone reads the SentencePiece models of Llama and Mistral; a tokenizer.json beside it is preferred");
  };
  if (model.algorithm != SentencePieceModel::Algorithm::bpe) {
    return refuse(fmt::format("model_type is {}, expected 2 (BPE)", std::to_underlying(model.algorithm)));
  }
  if (model.has_character_map) return refuse("normalises by a character map, expected none");
  if (model.remove_extra_whitespaces) return refuse("remove_extra_whitespaces is true, expected false");
  if (!model.escape_whitespaces) return refuse("escape_whitespaces is false, expected true");
  if (model.whitespace_as_suffix) return refuse("treat_whitespace_as_suffix is true, expected false");
  return {};
}

// Every way to put a piece together from two, best score first. Among equals the longer left part, then the longer
// right part, then the piece that comes first: the order that Hugging Face's conversion gives them.
std::vector<Merges::Merge> merges_of(const SentencePieceModel& model, const Vocab& vocab) {
  struct Candidate {
    Merges::Merge merge;
    float score;
    uint32_t left_chars, right_chars;
  };
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    const auto n_chars = static_cast<uint32_t>(
        std::ranges::count_if(piece.text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    uint32_t left_chars = 0;
    for (size_t at = 0; at < piece.text.size();) {
      at += utf8::scalar_at(piece.text, at).n_bytes;
      if (++left_chars == n_chars) break;
      const auto left = vocab.id_of(piece.text.substr(0, at)), right = vocab.id_of(piece.text.substr(at));
      if (!left || !right) continue;
      candidates.push_back({{*left, *right, static_cast<TokenId>(i)}, piece.score, left_chars, n_chars - left_chars});
    }
  }
  std::ranges::sort(candidates, std::ranges::greater{}, [](const Candidate& c) {
    return std::tuple(c.score, c.left_chars, c.right_chars, -c.merge.result);
  });
  std::vector<Merges::Merge> merges;
  merges.reserve(candidates.size());
  for (const Candidate& candidate : candidates) merges.push_back(candidate.merge);
  return merges;
}

// Controls, the unknown piece and user-defined pieces are literal; what tokenizer_config.json adds comes on top.
std::vector<AddedToken> added_tokens_of(const SentencePieceModel& model, const TokenizerConfig& config) {
  using Type = SentencePieceModel::Type;
  std::map<TokenId, AddedToken> added;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    if (piece.type != Type::unknown && piece.type != Type::control && piece.type != Type::user_defined) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = piece.text;
    token.special = piece.type != Type::user_defined;
    added.emplace(token.id, std::move(token));
  }
  for (const AddedToken& token : config.added) added.insert_or_assign(token.id, token);
  std::vector<AddedToken> out;
  for (auto& [id, token] : added) out.push_back(std::move(token));
  return out;
}

Result<BpeOptions> options_of(const SentencePieceModel& model, const TokenizerConfig& config, const Vocab& vocab,
                              std::string_view what) {
  BpeOptions options;
  options.fuse_unknown = true;
  const bool prefix = model.add_dummy_prefix && config.add_prefix_space.value_or(true);
  if (config.legacy.value_or(true)) {
    if (prefix) options.normalizer.push_back({"", std::string(kWordMark)});
    options.normalizer.push_back({" ", std::string(kWordMark)});
  } else {
    options.metaspace = {utf8::scalar_at(kWordMark, 0).value,
                         prefix ? BpeOptions::Prepend::first : BpeOptions::Prepend::never, false};
  }
  if (model.byte_fallback) {
    LODE_ASSIGN(options.byte_pieces, find_byte_pieces(vocab, what));
  }
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    if (model.pieces[i].type == SentencePieceModel::Type::unknown) options.unknown = static_cast<TokenId>(i);
  }
  if (!options.unknown && !options.byte_pieces) {
    return fail(Code::corrupt, fmt::format("{}: no piece is of type UNKNOWN, expected one", what));
  }
  return options;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> read_sentencepiece(std::string_view bytes, std::string_view what,
                                                      const TokenizerConfig& config) {
  LODE_ASSIGN(const auto model, SentencePieceModel::parse(bytes, what));
  return make_sentencepiece(model, what, config);
}

Result<std::unique_ptr<Tokenizer>> make_sentencepiece(const SentencePieceModel& model, std::string_view what,
                                                      const TokenizerConfig& config) {
  LODE_TRY(check_supported(model, what));
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  pieces.reserve(model.pieces.size());
  for (const auto& piece : model.pieces) {
    // Trying all ways to cut a piece in two costs its length squared.
    constexpr size_t kMaxPieceBytes = 512;
    if (piece.text.size() > kMaxPieceBytes) {
      return fail(Code::corrupt, fmt::format("{}: piece {} has {} bytes, expected at most {}", what, pieces.size(),
                                             piece.text.size(), kMaxPieceBytes));
    }
    pieces.emplace_back(piece.text, static_cast<TokenId>(pieces.size()));
  }
  LODE_ASSIGN(auto vocab, Vocab::make(pieces, what));
  LODE_ASSIGN(auto options, options_of(model, config, vocab, what));
  std::vector<Decoder::Step> steps = {Decoder::Replace{std::string(kWordMark), " "}, Decoder::ByteFallback{},
                                      Decoder::Fuse{}};
  const bool prefix = model.add_dummy_prefix && config.add_prefix_space.value_or(true);
  if (prefix) steps.emplace_back(Decoder::Strip{" ", 1, 0});
  auto bpe = std::make_unique<Bpe>(vocab, merges_of(model, vocab), std::move(options));
  const auto tokens = added_tokens_of(model, config);
  for (const AddedToken& token : tokens) LODE_TRY(vocab.add(token.content, token.id, what));
  LODE_ASSIGN(auto added, AddedTokens::make(tokens, *bpe, what));
  LODE_ASSIGN(auto around, llama_template(config, vocab, what));
  return std::make_unique<Pipeline>(Pipeline::Parts{std::move(vocab), std::move(added), std::move(bpe),
                                                    Decoder(std::move(steps)), std::move(around)});
}

}  // namespace lode::text
