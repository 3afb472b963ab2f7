#include "text/tokenizer_json.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "text/added_tokens_json.h"
#include "text/json_fields.h"
#include "text/model_json.h"
#include "text/pipeline.h"
#include "text/template.h"

namespace lode::text {
namespace {

constexpr std::string_view kBroken = "The file may be damaged or cut short: get it again";

Result<std::vector<AddedToken>> read_added_tokens(const JsonFields& file) {
  std::vector<AddedToken> tokens;
  if (!file.has("added_tokens")) return tokens;
  LODE_ASSIGN(const auto items, file.array("added_tokens"));
  for (size_t i = 0; i < items.size(); ++i) {
    LODE_ASSIGN(const auto fields, JsonFields::of(items[i], file.at(fmt::format("added_tokens[{}]", i))));
    LODE_ASSIGN(const int64_t id, fields.integer("id"));
    if (id < 0 || id > Vocab::kMaxId) {
      return fail(Code::corrupt, fmt::format("{} is {}, expected 0 to {}", fields.at("id"), id, Vocab::kMaxId));
    }
    LODE_ASSIGN(auto token, read_added_token(fields, static_cast<TokenId>(id)));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Result<Template> read_bert_template(const JsonFields& fields) {
  LODE_TRY(fields.only({"type", "cls", "sep"}));
  Template around;
  for (auto [key, side] : {std::pair{"cls", &around.prefix}, std::pair{"sep", &around.suffix}}) {
    LODE_ASSIGN(const auto pair, fields.array(key));
    const auto id = pair.size() == 2 ? pair[1].as_int() : std::nullopt;
    if (!id) return fail(Code::corrupt, fmt::format("{}: expected a token and its id", fields.at(key)));
    side->push_back(static_cast<TokenId>(*id));
  }
  return around;
}

// {"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [1]}}}
Result<Template> read_template_processing(const JsonFields& fields) {
  LODE_TRY(fields.only({"type", "single", "pair", "special_tokens"}));
  LODE_ASSIGN(const auto single, fields.array("single"));
  Template around;
  int n_sequences = 0;
  for (const json::Value& item : single) {
    LODE_ASSIGN(const auto piece, JsonFields::of(item, fields.at("single")));
    LODE_TRY(piece.only({"SpecialToken", "Sequence"}));
    if (piece.has("Sequence")) {
      ++n_sequences;
      continue;
    }
    LODE_ASSIGN(const auto token, piece.object("SpecialToken"));
    LODE_ASSIGN(const auto name, token.string("id"));
    LODE_ASSIGN(const auto table, fields.object("special_tokens"));
    LODE_ASSIGN(const auto entry, table.object(name));
    LODE_ASSIGN(const auto ids, entry.array("ids"));
    for (const json::Value& value : ids) {
      const auto id = value.as_int();
      if (!id) return fail(Code::corrupt, fmt::format("{} holds {}, expected ids", entry.at("ids"), value.text(60)));
      (n_sequences == 0 ? around.prefix : around.suffix).push_back(static_cast<TokenId>(*id));
    }
  }
  if (n_sequences != 1) {
    return fail(Code::unsupported,
                fmt::format("{} has the text {} times, expected once", fields.at("single"), n_sequences));
  }
  return around;
}

Result<Template> read_post_processor(const JsonFields& file) {
  if (!file.has("post_processor")) return Template{};
  LODE_ASSIGN(const auto fields, file.object("post_processor"));
  LODE_ASSIGN(const auto type, fields.string("type"));
  if (type == "TemplateProcessing") return read_template_processing(fields);
  if (type == "BertProcessing") return read_bert_template(fields);
  return unsupported_type(fields, type, "TemplateProcessing or BertProcessing");
}

Status check_template(const Template& around, const Vocab& vocab, std::string_view where) {
  for (const auto* side : {&around.prefix, &around.suffix}) {
    for (const TokenId id : *side) {
      if (!vocab.piece_of(id).empty()) continue;
      return fail(Code::corrupt, fmt::format("{}: the template adds id {}, which is no token", where, id));
    }
  }
  return {};
}

Result<std::unique_ptr<Tokenizer>> read(std::string_view bytes, std::string_view what, const TokenizerConfig& config) {
  auto document = json::Document::parse(bytes, what);
  if (!document) return fail(Code::corrupt, document.error().message);
  LODE_ASSIGN(const auto file, JsonFields::of_file(document->root(), what));
  LODE_TRY(file.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                      "post_processor", "decoder", "model"}));
  LODE_ASSIGN(auto parts, read_model(file));
  LODE_ASSIGN(const auto tokens, read_added_tokens(file));
  for (const AddedToken& token : tokens) LODE_TRY(parts.vocab.add(token.content, token.id, file.where()));
  const SegmentModel& model = *parts.model;
  LODE_ASSIGN(auto added, AddedTokens::make(tokens, model, file.where()));
  LODE_ASSIGN(auto decoder, read_decoder(file));
  LODE_ASSIGN(auto around, read_post_processor(file));
  if (config.is_llama() && (config.add_bos_token || config.add_eos_token)) {
    LODE_ASSIGN(around, llama_template(config, parts.vocab, file.where()));
  }
  LODE_TRY(check_template(around, parts.vocab, file.at("post_processor")));
  return std::make_unique<Pipeline>(Pipeline::Parts{std::move(parts.vocab), std::move(added), std::move(parts.model),
                                                    std::move(decoder), std::move(around)});
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> read_tokenizer_json(std::string_view bytes, std::string_view what,
                                                       const TokenizerConfig& config) {
  auto tokenizer = read(bytes, what, config);
  if (!tokenizer && tokenizer.error().hint.empty()) {
    tokenizer.error().hint = tokenizer.error().code == Code::unsupported
                                 ? "Lodestone reads the tokenizers of Mistral, Llama and BERT models"
                                 : std::string(kBroken);
  }
  return tokenizer;
}

}  // namespace lode::text
