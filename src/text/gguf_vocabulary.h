// A model folder's tokenizer as the metadata by which llama.cpp knows tokenizers ("tokenizer.ggml.*"): pieces, scores,
// kinds and the ids that have a part to play. What llama.cpp has no key for is lost here; a file that Lodestone writes
// carries the tokenizer's own files beside it. Stateless: any thread may call.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"

namespace lode::text {

struct GgufVocabulary {
  std::string model;                    // "llama" or "bert"
  std::vector<std::string> tokens;      // by id
  std::vector<float> scores;            // of a "llama" one
  std::vector<int32_t> types;           // SentencePieceModel::Type
  std::map<std::string, uint32_t> ids;  // "bos_token_id" and its like
  std::map<std::string, bool> flags;    // "add_bos_token" and its like
};

// `folder` holds the files that `tokenizer` was loaded from.
Result<GgufVocabulary> gguf_vocabulary(const std::filesystem::path& folder, const Tokenizer& tokenizer);

}  // namespace lode::text
