// What tokenizer_config.json says that the tokenizer files themselves leave open. All of it is optional; the file may
// be absent. Plain data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/added_tokens.h"

namespace lode::text {

struct TokenizerConfig {
  std::string tokenizer_class;
  std::optional<bool> add_bos_token, add_eos_token;
  std::optional<bool> legacy, add_prefix_space;
  std::optional<bool> do_lower_case, strip_accents, tokenize_chinese_chars;
  std::map<std::string, std::string, std::less<>> named;  // "bos_token" and its like to their text
  std::vector<AddedToken> added;                          // added_tokens_decoder

  // Whether its class is one of the Llama tokenizers, whose template follows from add_bos_token and add_eos_token.
  [[nodiscard]] bool is_llama() const { return tokenizer_class.starts_with("LlamaTokenizer"); }
  // The text of "cls_token" and its like, or `otherwise`.
  [[nodiscard]] std::string name(std::string_view key, std::string_view otherwise) const;

  static Result<TokenizerConfig> parse(std::string_view bytes, std::string_view what);
};

}  // namespace lode::text
