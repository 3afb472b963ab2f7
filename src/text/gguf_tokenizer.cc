#include "text/gguf_tokenizer.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/gguf_keys.h"
#include "base/json.h"
#include "text/sentencepiece_model.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocab_txt.h"

namespace lode::text {
namespace {

using gguf::Keys;
using PieceType = SentencePieceModel::Type;

std::unexpected<Error> corrupt(std::string message) {
  return fail(Code::corrupt, std::move(message), "The file is damaged, or no tool of llama.cpp made it");
}

// What kind each token is; normal ones where the file does not say.
Result<std::vector<PieceType>> types_of(const Keys& keys, size_t n_tokens) {
  std::vector<PieceType> out(n_tokens, PieceType::normal);
  const gguf::Value* const value = keys.find("token_type");
  if (value == nullptr) return out;
  const auto numbers = value->as_ints();
  if (!numbers || numbers->size() != n_tokens) {
    return keys.wrong("token_type", fmt::format("{} whole numbers, one a token", n_tokens));
  }
  for (size_t i = 0; i < n_tokens; ++i) {
    if ((*numbers)[i] < 1 || (*numbers)[i] > 6) {
      return corrupt(
          fmt::format("{}: tokenizer.ggml.token_type holds {}, expected 1 to 6", keys.what(), (*numbers)[i]));
    }
    out[i] = static_cast<PieceType>((*numbers)[i]);
  }
  return out;
}

// The text of the token that a key names by its id, as `name` of the configuration.
Status add_named(const Keys& keys, std::string_view key, std::string_view name, const std::vector<std::string>& tokens,
                 TokenizerConfig& config) {
  const gguf::Value* const value = keys.find(key);
  if (value == nullptr) return {};
  const auto id = value->as_int();
  const std::string expected = fmt::format("the id of one of {} tokens", tokens.size());
  if (!id) return keys.wrong(key, expected);
  if (*id < 0 || *id >= std::ssize(tokens)) return keys.out_of_range(key, *id, expected);
  config.named[std::string(name)] = tokens[static_cast<size_t>(*id)];
  return {};
}

// Words start with a mark in the file and pieces inside a word have none; in a vocabulary the latter have "##".
std::string bert_piece(std::string_view token, PieceType type) {
  if (type == PieceType::control || type == PieceType::unknown || type == PieceType::user_defined)
    return std::string(token);
  if (token.starts_with(kWordMark)) return std::string(token.substr(kWordMark.size()));
  return fmt::format("##{}", token);
}

Result<std::unique_ptr<Tokenizer>> read_bert(const Keys& keys, const std::vector<std::string_view>& tokens,
                                             const std::vector<PieceType>& types) {
  TokenizerConfig config;
  std::vector<std::string> pieces;
  pieces.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) pieces.push_back(bert_piece(tokens[i], types[i]));
  // "seperator" is how llama.cpp spells it.
  for (const auto& [key, name] : {std::pair{"unknown_token_id", "unk_token"},
                                  {"seperator_token_id", "sep_token"},
                                  {"bos_token_id", "cls_token"},
                                  {"cls_token_id", "cls_token"},
                                  {"padding_token_id", "pad_token"},
                                  {"mask_token_id", "mask_token"}}) {
    LODE_TRY(add_named(keys, key, name, pieces, config));
  }
  LODE_ASSIGN(config.do_lower_case, keys.flag("normalizer.lowercase"));
  LODE_ASSIGN(config.strip_accents, keys.flag("normalizer.strip_accents"));
  std::vector<std::string_view> views(pieces.begin(), pieces.end());
  return make_wordpiece(views, keys.what(), config);
}

Result<std::unique_ptr<Tokenizer>> read_llama(const Keys& keys, const std::vector<std::string_view>& tokens,
                                              const std::vector<PieceType>& types) {
  const gguf::Value* const scores_value = keys.find("scores");
  const auto scores = scores_value == nullptr ? std::nullopt : scores_value->as_floats();
  if (!scores || scores->size() != tokens.size()) {
    return keys.wrong("scores", fmt::format("{} numbers, one a token", tokens.size()));
  }
  SentencePieceModel model;
  model.algorithm = SentencePieceModel::Algorithm::bpe;
  LODE_ASSIGN(const auto remove_spaces, keys.flag("remove_extra_whitespaces"));
  model.remove_extra_whitespaces = remove_spaces.value_or(false);
  std::vector<std::string> texts(tokens.begin(), tokens.end());
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!std::isfinite((*scores)[i])) {
      return corrupt(fmt::format("{}: the score of token {} is not a finite number", keys.what(), i));
    }
    if (tokens[i].empty()) return corrupt(fmt::format("{}: token {} has no text", keys.what(), i));
    model.byte_fallback = model.byte_fallback || types[i] == PieceType::byte;
    model.pieces.push_back({tokens[i], (*scores)[i], types[i]});
  }
  TokenizerConfig config;
  LODE_ASSIGN(config.add_bos_token, keys.flag("add_bos_token"));
  LODE_ASSIGN(config.add_eos_token, keys.flag("add_eos_token"));
  LODE_ASSIGN(config.add_prefix_space, keys.flag("add_space_prefix"));
  for (const auto& [key, name] : {std::pair{"bos_token_id", "bos_token"}, {"eos_token_id", "eos_token"}}) {
    LODE_TRY(add_named(keys, key, name, texts, config));
  }
  return make_sentencepiece(model, keys.what(), config);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> read_gguf_tokenizer(const gguf::File& file, std::string_view what) {
  const Keys keys(file, what, "tokenizer.ggml.");
  LODE_ASSIGN(const std::string_view model, keys.needed_string("model"));
  if (model != "bert" && model != "llama") {
    return fail(Code::unsupported,
                fmt::format("{}: tokenizer.ggml.model is {}, expected llama (SentencePiece) or bert (WordPiece)", what,
                            json::quote(model.substr(0, 40))),
                "Use a model with one of these tokenizers, or its Hugging Face folder");
  }
  const gguf::Value* const value = keys.find("tokens");
  const auto tokens = value == nullptr ? std::nullopt : value->as_strings();
  if (!tokens || tokens->empty()) return keys.wrong("tokens", "a list of strings");
  LODE_ASSIGN(const std::vector<PieceType> types, types_of(keys, tokens->size()));
  return model == "bert" ? read_bert(keys, *tokens, types) : read_llama(keys, *tokens, types);
}

}  // namespace lode::text
