// Reads tokenizer.json, the format of Hugging Face tokenizers: BPE as Mistral and Llama use it, WordPiece as BERT does.
// What the file asks for and Lodestone does not do is refused by name; only its `truncation` and `padding` are not
// looked at, because cutting and packing are embed's business. Stateless: any thread may call.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lode::text {

// `what` names the file in errors. `config` overrides the template of Llama tokenizers, as their class does it.
Result<std::unique_ptr<Tokenizer>> read_tokenizer_json(std::string_view bytes, std::string_view what,
                                                       const TokenizerConfig& config);

}  // namespace lode::text
