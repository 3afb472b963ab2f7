#include "text/tokenizer_config.h"

#include <charconv>

#include <fmt/format.h>

#include "base/json.h"
#include "text/added_tokens_json.h"
#include "text/json_fields.h"

namespace lode::text {

std::string TokenizerConfig::name(std::string_view key, std::string_view otherwise) const {
  const auto found = named.find(key);
  return found == named.end() ? std::string(otherwise) : found->second;
}

Result<TokenizerConfig> TokenizerConfig::parse(std::string_view bytes, std::string_view what) {
  auto document = json::Document::parse(bytes, what);
  if (!document) return fail(Code::corrupt, document.error().message, document.error().hint);
  LODE_ASSIGN(const auto fields, JsonFields::of_file(document->root(), what));
  TokenizerConfig config;
  LODE_ASSIGN(const auto tokenizer_class, fields.maybe_string("tokenizer_class"));
  config.tokenizer_class = tokenizer_class.value_or("");
  LODE_ASSIGN(config.add_bos_token, fields.maybe_flag("add_bos_token"));
  LODE_ASSIGN(config.add_eos_token, fields.maybe_flag("add_eos_token"));
  LODE_ASSIGN(config.legacy, fields.maybe_flag("legacy"));
  LODE_ASSIGN(config.add_prefix_space, fields.maybe_flag("add_prefix_space"));
  LODE_ASSIGN(config.do_lower_case, fields.maybe_flag("do_lower_case"));
  LODE_ASSIGN(config.strip_accents, fields.maybe_flag("strip_accents"));
  LODE_ASSIGN(config.tokenize_chinese_chars, fields.maybe_flag("tokenize_chinese_chars"));

  for (const char* key : {"bos_token", "eos_token", "unk_token", "cls_token", "sep_token", "pad_token", "mask_token"}) {
    const auto value = fields.find(key);
    if (!value) continue;
    if (value->is(json::Kind::object)) {
      LODE_ASSIGN(const auto token, fields.object(key));
      LODE_ASSIGN(const auto content, token.string("content"));
      config.named.emplace(key, content);
    } else {
      LODE_ASSIGN(const auto content, fields.string(key));
      config.named.emplace(key, content);
    }
  }

  if (!fields.has("added_tokens_decoder")) return config;
  LODE_ASSIGN(const auto added, fields.object("added_tokens_decoder"));
  for (const auto& [key, value] : added.value().members()) {
    TokenId id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      return fail(Code::corrupt, fmt::format("{} is a key, expected a token id", added.at(key)));
    }
    LODE_ASSIGN(const auto token, JsonFields::of(value, added.at(key)));
    LODE_ASSIGN(auto parsed, read_added_token(token, id));
    config.added.push_back(std::move(parsed));
  }
  return config;
}

}  // namespace lode::text
