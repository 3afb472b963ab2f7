// BERT's WordPiece: words at white space, punctuation and ideographs, each cut greedily into the longest pieces; a word
// that cannot be cut, or is too long, is one unknown piece. Constant after construction.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/bert_normalizer.h"
#include "text/byte_trie.h"
#include "text/segment_model.h"
#include "text/vocab.h"

namespace lode::text {

struct WordPieceOptions {
  BertNormalizerOptions normalizer;
  TokenId unknown = 0;
  std::string continuation = "##";
  size_t max_word_chars = 100;
};

class WordPiece final : public SegmentModel {
 public:
  // `what` names the file in errors. Refuses a vocabulary that is too large to be walked.
  static Result<std::unique_ptr<WordPiece>> make(const Vocab& vocab, WordPieceOptions options, std::string_view what);

  void normalize(std::string_view raw, std::string& out) const override;
  void encode(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const override;
  [[nodiscard]] std::string description() const override;

 private:
  explicit WordPiece(WordPieceOptions options);
  void encode_word(std::string_view word, size_t n_chars, std::vector<TokenId>& ids) const;

  WordPieceOptions options_;
  BertNormalizer normalizer_;
  ByteTrie first_;  // what a word can start with
  ByteTrie next_;   // what can follow, without the continuation prefix
  enum class Kind : uint8_t { letter, space, punctuation };
  std::array<Kind, 128> ascii_;
};

}  // namespace lode::text
