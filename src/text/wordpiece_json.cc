#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "text/model_json.h"
#include "text/wordpiece.h"

namespace lode::text {

Result<ModelParts> read_wordpiece(const JsonFields& file, const JsonFields& model, Vocab vocab) {
  LODE_TRY(model.only({"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"}));
  WordPieceOptions options;
  LODE_ASSIGN(const auto unknown, model.maybe_string("unk_token"));
  const auto unknown_id = vocab.id_of(unknown.value_or("[UNK]"));
  if (!unknown_id) {
    return fail(Code::corrupt, fmt::format("{} is {}, expected a piece of the vocabulary", model.at("unk_token"),
                                           json::quote(unknown.value_or("[UNK]"))));
  }
  options.unknown = *unknown_id;
  LODE_ASSIGN(const auto prefix, model.maybe_string("continuing_subword_prefix"));
  options.continuation = prefix.value_or("##");
  LODE_ASSIGN(const int64_t max_chars, model.integer("max_input_chars_per_word", 100));
  if (max_chars < 0) {
    return fail(Code::corrupt,
                fmt::format("{} is {}, expected a count", model.at("max_input_chars_per_word"), max_chars));
  }
  options.max_word_chars = static_cast<size_t>(max_chars);

  LODE_ASSIGN(const auto normalizer, file.object("normalizer"));
  LODE_ASSIGN(const auto normalizer_type, normalizer.string("type"));
  if (normalizer_type != "BertNormalizer") {
    return unsupported_type(normalizer, normalizer_type, "BertNormalizer for WordPiece");
  }
  LODE_TRY(normalizer.only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"}));
  LODE_ASSIGN(options.normalizer.clean_text, normalizer.flag("clean_text", true));
  LODE_ASSIGN(options.normalizer.space_ideographs, normalizer.flag("handle_chinese_chars", true));
  LODE_ASSIGN(options.normalizer.strip_accents, normalizer.maybe_flag("strip_accents"));
  LODE_ASSIGN(options.normalizer.lowercase, normalizer.flag("lowercase", true));

  LODE_ASSIGN(const auto splitter, file.object("pre_tokenizer"));
  LODE_ASSIGN(const auto splitter_type, splitter.string("type"));
  if (splitter_type != "BertPreTokenizer") {
    return unsupported_type(splitter, splitter_type, "BertPreTokenizer for WordPiece");
  }
  LODE_ASSIGN(auto made, WordPiece::make(vocab, std::move(options), file.where()));
  return ModelParts{std::move(vocab), std::move(made)};
}

}  // namespace lode::text
