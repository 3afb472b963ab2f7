// A tokenizer from tokenizer.model alone: the BPE of Llama and Mistral, made into the same merges that their
// tokenizer.json holds, so that both give the same ids. Refuses other SentencePiece models. Stateless: any thread may
// call.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lode::text {

// `what` names the file in errors. `config` says whether there are BOS and EOS, and what they are called.
Result<std::unique_ptr<Tokenizer>> read_sentencepiece(std::string_view bytes, std::string_view what,
                                                      const TokenizerConfig& config);
// The same of a model that was read already; it is not kept.
Result<std::unique_ptr<Tokenizer>> make_sentencepiece(const SentencePieceModel& model, std::string_view what,
                                                      const TokenizerConfig& config);

}  // namespace lode::text
