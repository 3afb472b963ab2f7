// An added token as tokenizer.json and tokenizer_config.json write it.
#pragma once

#include "base/error.h"
#include "text/added_tokens.h"
#include "text/json_fields.h"

namespace lode::text {

// Without `normalized` a token that is not special is looked for in the normalised text, as in the reference.
inline Result<AddedToken> read_added_token(const JsonFields& fields, TokenId id) {
  LODE_TRY(fields.only({"id", "content", "special", "normalized", "lstrip", "rstrip", "single_word"}));
  AddedToken token;
  token.id = id;
  LODE_ASSIGN(token.content, fields.string("content"));
  LODE_ASSIGN(token.special, fields.flag("special", false));
  LODE_ASSIGN(token.normalized, fields.flag("normalized", !token.special));
  LODE_ASSIGN(token.lstrip, fields.flag("lstrip", false));
  LODE_ASSIGN(token.rstrip, fields.flag("rstrip", false));
  LODE_ASSIGN(token.single_word, fields.flag("single_word", false));
  return token;
}

}  // namespace lode::text
