// A BERT tokenizer from vocab.txt alone: one piece a line, its line number is its id. What tokenizer_config.json does
// not say is as BertTokenizerFast has it. Stateless: any thread may call.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lode::text {

// `what` names the file in errors. Refuses a vocabulary without its unknown, class and separator pieces.
Result<std::unique_ptr<Tokenizer>> read_vocab_txt(std::string_view bytes, std::string_view what,
                                                  const TokenizerConfig& config);
// The same of pieces in the order of their ids.
Result<std::unique_ptr<Tokenizer>> make_wordpiece(const std::vector<std::string_view>& pieces, std::string_view what,
                                                  const TokenizerConfig& config);

}  // namespace lode::text
