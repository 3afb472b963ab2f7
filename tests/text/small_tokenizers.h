// Tokenizer files small enough to reason about, as text, and the models made from them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lode::text::testing {

using Json = nlohmann::ordered_json;

Json added_token(int id, std::string_view content);
Json template_of(std::vector<std::pair<std::string, int>> before, std::vector<std::pair<std::string, int>> after);

// BPE with byte fallback in the layout of Mistral's file. Ids: <unk> 0, <s> 1, </s> 2, bytes 3 to 258, then the
// characters of "\u2581abcdeé", then the results of the merges in order.
Json small_bpe(const std::vector<std::pair<std::string, std::string>>& merges);
Json small_bpe();

// WordPiece in the layout of BERT's file: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, then `pieces` from 5 on.
Json small_wordpiece(const std::vector<std::string>& pieces = {"the", "cat", "##s", "##ca", "!", "a", "##b", "\u6771"});

// Null, and a failure of the running test, for a file that is refused.
std::unique_ptr<Tokenizer> made(const Json& file, const TokenizerConfig& config = {});

// The pieces of a text, without the template.
std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::string_view text);

}  // namespace lode::text::testing
