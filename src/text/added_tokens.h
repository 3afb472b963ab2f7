// Added tokens: literal strings in a text that become one id before anything else looks at it ("</s>", "[SEP]").
// Leftmost first, of those the longest. Built once, then constant: any thread may call.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "text/byte_trie.h"
#include "text/segment_model.h"
#include "text/tokenizer.h"

namespace lode::text {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;   // looked for in the normalised text, as it looks there, instead of in the raw one
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character touches it
};

// One stretch of a text: an added token, or what lies between.
struct Stretch {
  TokenId id;  // -1: text
  std::string_view text;
  size_t at;  // where it starts
};

// The tokens that are looked for in one pass over a text.
class TokenSplitter {
 public:
  // False when the tokens are too many to be walked.
  [[nodiscard]] bool add(const AddedToken& token, std::string_view pattern);
  [[nodiscard]] bool empty() const { return tokens_.empty(); }
  // Calls `visit` with the stretches of `text`, which is valid UTF-8, in order. Those between tokens are not empty.
  void split(std::string_view text, const std::function<void(const Stretch&)>& visit) const;

 private:
  struct Flags {
    TokenId id;
    bool lstrip, rstrip, single_word;
  };
  std::vector<Flags> tokens_;
  ByteTrie trie_;
};

class AddedTokens {
 public:
  // `model` knows how a token looks in normalised text; it is not kept. `what` names the file in errors.
  static Result<AddedTokens> make(const std::vector<AddedToken>& tokens, const SegmentModel& model,
                                  std::string_view what);

  [[nodiscard]] const TokenSplitter& in_raw() const { return in_raw_; }
  [[nodiscard]] const TokenSplitter& in_normalized() const { return in_normalized_; }
  [[nodiscard]] bool is_special(TokenId id) const { return special_.contains(id); }

 private:
  TokenSplitter in_raw_;
  TokenSplitter in_normalized_;
  std::unordered_set<TokenId> special_;
};

}  // namespace lode::text
