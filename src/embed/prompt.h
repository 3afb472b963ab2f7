// From a text and its instruction to the ids that a model was trained to see, and the span of them that is pooled.
// The rules are the published encoders': the instruction is put in front verbatim, NV-Embed appends a literal "</s>"
// and does not pool the instruction's tokens, truncation keeps what the reference keeps. Stateless; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace lode::embed {

// What to do with more tokens than the limit. none: an error. end: cut at the end, as the reference does. start: drop
// text tokens from the front; BOS, the instruction and EOS stay.
enum class Truncate : uint8_t { none, start, end };

// Which side of a retrieval pair a text is; picks the model's default instruction.
enum class InputType : uint8_t { unspecified, query, passage };

struct TokenSequence {
  std::vector<text::TokenId> ids;   // with special tokens, after truncation; never empty
  int32_t pool_begin = 0;           // first pooled position, < ids.size()
  int32_t n_tokens_before_cut = 0;  // ids.size() when nothing was cut
};

// The instruction that `type` means for this model; "" for unspecified (and for most passages).
std::string_view default_instruction(const model::ModelConfig& config, InputType type);
// The model's template with {task} filled in; an error where the model takes no instruction.
Result<std::string> task_instruction(const model::ModelConfig& config, std::string_view task);

// Errors: too_long when truncate is none and there are more than max_tokens ("Input length 1728 exceeds maximum allowed
// token size 512"); invalid_argument when nothing is left to pool.
Result<TokenSequence> build_sequence(const text::Tokenizer& tokenizer, const model::ModelConfig& config,
                                     std::string_view text, std::string_view instruction, int64_t max_tokens,
                                     Truncate truncate);

// The ids as they are, template tokens included where the caller wants them; all positions are pooled. A cut drops ids
// from one end. Errors: invalid_argument when there are none or one is not in the vocabulary; too_long as above.
Result<TokenSequence> sequence_of_ids(const text::Tokenizer& tokenizer, std::span<const int64_t> ids,
                                      int64_t max_tokens, Truncate truncate);

}  // namespace lode::embed
