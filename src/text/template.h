// What a tokenizer puts around each text.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"
#include "text/vocab.h"

namespace lode::text {

struct Template {
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
};

// <s> in front unless add_bos_token is false, </s> behind if add_eos_token is true, under the names that the
// configuration gives them. `what` names the file in errors.
Result<Template> llama_template(const TokenizerConfig& config, const Vocab& vocab, std::string_view what);

}  // namespace lode::text
