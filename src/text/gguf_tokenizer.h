// A tokenizer from the metadata of a GGUF file, the keys "tokenizer.ggml.*" as llama.cpp defines them: the
// SentencePiece BPE of Llama and Mistral ("llama") and BERT's WordPiece ("bert"). The other kinds are refused by name.
// Stateless: any thread may call.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/gguf.h"
#include "text/tokenizer.h"

namespace lode::text {

// `what` names the file in errors. `file` is not kept.
Result<std::unique_ptr<Tokenizer>> read_gguf_tokenizer(const gguf::File& file, std::string_view what);

}  // namespace lode::text
