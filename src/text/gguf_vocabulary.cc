#include "text/gguf_vocabulary.h"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "text/sentencepiece_model.h"

namespace lode::text {
namespace {

namespace fs = std::filesystem;

constexpr float kAddedScore = -1000.0F;  // of pieces that no merge makes, as llama.cpp's converter has it
using PieceType = SentencePieceModel::Type;

std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return ids;
}

// Special tokens are those that decode() leaves out when it is asked to.
bool is_special(const Tokenizer& tokenizer, TokenId id) {
  return !tokenizer.decode({&id, 1}, false).empty() && tokenizer.decode({&id, 1}, true).empty();
}

// Every piece and its kind; an id without a piece gets one that no text has.
void add_pieces(const Tokenizer& tokenizer, GgufVocabulary& out) {
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view piece = tokenizer.piece_of(id);
    PieceType type = PieceType::normal;
    if (piece.empty()) {
      type = PieceType::unused;
    } else if (piece == "<unk>") {
      type = PieceType::unknown;
    } else if (piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>')) {
      type = PieceType::byte;
    } else if (is_special(tokenizer, id)) {
      type = PieceType::control;
    }
    out.tokens.push_back(piece.empty() ? fmt::format("[PAD{}]", id) : std::string(piece));
    out.types.push_back(std::to_underlying(type));
  }
}

void add_id(const Tokenizer& tokenizer, std::string_view piece, const char* key, GgufVocabulary& out) {
  if (const auto id = tokenizer.id_of(piece)) out.ids[key] = static_cast<uint32_t>(*id);
}

GgufVocabulary bert_vocabulary(const Tokenizer& tokenizer) {
  GgufVocabulary out;
  out.model = "bert";
  add_pieces(tokenizer, out);
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    std::string& token = out.tokens[i];
    if (out.types[i] == std::to_underlying(PieceType::control)) continue;
    token = token.starts_with("##") ? token.substr(2) : std::string(kWordMark) + token;
  }
  out.ids["bos_token_id"] = static_cast<uint32_t>(tokenizer.template_prefix().front());
  out.ids["seperator_token_id"] = static_cast<uint32_t>(tokenizer.template_suffix().front());
  add_id(tokenizer, "[UNK]", "unknown_token_id", out);
  add_id(tokenizer, "[PAD]", "padding_token_id", out);
  add_id(tokenizer, "[MASK]", "mask_token_id", out);
  out.flags["normalizer.lowercase"] = ids_of(tokenizer, "A") == ids_of(tokenizer, "a");
  out.flags["normalizer.strip_accents"] = ids_of(tokenizer, "\u00E9") == ids_of(tokenizer, "e");
  return out;
}

// tokenizer.model's own scores.
Status add_model_scores(std::string_view bytes, const std::string& what, GgufVocabulary& out) {
  LODE_ASSIGN(const auto model, SentencePieceModel::parse(bytes, what));
  for (size_t i = 0; i < std::min(model.pieces.size(), out.scores.size()); ++i) {
    if (model.pieces[i].text != out.tokens[i]) continue;
    out.scores[i] = model.pieces[i].score;
    out.types[i] = std::to_underlying(model.pieces[i].type);
  }
  return {};
}

// From tokenizer.json's merges: the earlier one makes a piece, the better it scores.
Status add_merge_scores(std::string_view bytes, const std::string& what, GgufVocabulary& out) {
  LODE_ASSIGN(const json::Document document, json::Document::parse(bytes, what));
  const auto model = document.root().get("model");
  const auto merges = model ? model->get("merges") : std::nullopt;
  if (!merges) return fail(Code::corrupt, fmt::format("{}: model.merges is missing, a list was expected", what));
  std::unordered_map<std::string, float> scores;
  for (const json::Value merge : merges->items()) {
    std::string piece;
    if (const auto text = merge.as_string()) {
      piece = *text;
      if (const size_t space = piece.find(' '); space != std::string::npos) piece.erase(space, 1);
    } else {
      for (const json::Value part : merge.items()) piece += part.as_string().value_or("");
    }
    const auto rank = static_cast<float>(scores.size());
    scores.try_emplace(std::move(piece), -rank);
  }
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    if (const auto found = scores.find(out.tokens[i]); found != scores.end()) out.scores[i] = found->second;
  }
  return {};
}

Result<GgufVocabulary> llama_vocabulary(const fs::path& folder, const Tokenizer& tokenizer) {
  GgufVocabulary out;
  out.model = "llama";
  add_pieces(tokenizer, out);
  out.scores.assign(out.tokens.size(), kAddedScore);
  std::error_code ignored;
  const bool has_model = fs::exists(folder / "tokenizer.model", ignored);
  const fs::path path = folder / (has_model ? "tokenizer.model" : "tokenizer.json");
  LODE_ASSIGN(const std::string bytes, read_regular_file(path, size_t{256} << 20));
  if (has_model) {
    LODE_TRY(add_model_scores(bytes, path.string(), out));
  } else {
    LODE_TRY(add_merge_scores(bytes, path.string(), out));
  }
  add_id(tokenizer, "<s>", "bos_token_id", out);
  add_id(tokenizer, "</s>", "eos_token_id", out);
  add_id(tokenizer, "<unk>", "unknown_token_id", out);
  const auto prefix = tokenizer.template_prefix();
  const auto suffix = tokenizer.template_suffix();
  if (prefix.size() == 1) out.ids["bos_token_id"] = static_cast<uint32_t>(prefix.front());
  if (suffix.size() == 1) out.ids["eos_token_id"] = static_cast<uint32_t>(suffix.front());
  out.flags["add_bos_token"] = !prefix.empty();
  out.flags["add_eos_token"] = !suffix.empty();
  const auto ids = ids_of(tokenizer, "a");
  out.flags["add_space_prefix"] = !ids.empty() && tokenizer.piece_of(ids.front()).starts_with(kWordMark);
  return out;
}

}  // namespace

Result<GgufVocabulary> gguf_vocabulary(const fs::path& folder, const Tokenizer& tokenizer) {
  if (!tokenizer.description().starts_with("WordPiece")) return llama_vocabulary(folder, tokenizer);
  if (!tokenizer.template_prefix().empty() && !tokenizer.template_suffix().empty()) return bert_vocabulary(tokenizer);
  return fail(Code::unsupported, fmt::format("{}: the tokenizer puts nothing around a text", folder.string()),
              "GGUF's BERT tokenizers put a first and a last token around each text");
}

}  // namespace lode::text
