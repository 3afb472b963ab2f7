// Text to token ids, exactly as the published tokenizers do it. encode() and decode() are const, keep no state and may
// be called from any thread. Input is UTF-8; each maximal invalid sequence counts as U+FFFD (the reference cannot be
// given one). Knows no model: what goes in front of a text and what is cut off is embed/prompt's business.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::text {

using TokenId = int32_t;

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Appends the ids of `text` alone: no template tokens. Literal special tokens in the text ("</s>", "[SEP]") become
  // their ids, as in the reference.
  virtual void encode(std::string_view text, std::vector<TokenId>& ids) const = 0;

  // The text of ids; special tokens are written out unless skip_special. Unknown ids are skipped.
  [[nodiscard]] virtual std::string decode(std::span<const TokenId> ids, bool skip_special = false) const = 0;

  // What the tokenizer's own template puts around one text: Mistral {1} and {}, BERT {101} and {102}, SFR {1} and {2}.
  [[nodiscard]] virtual std::span<const TokenId> template_prefix() const = 0;
  [[nodiscard]] virtual std::span<const TokenId> template_suffix() const = 0;

  // One past the largest id, added tokens included.
  [[nodiscard]] virtual int32_t vocab_size() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> id_of(std::string_view piece) const = 0;
  [[nodiscard]] virtual std::string_view piece_of(TokenId id) const = 0;  // empty when there is none
  // "BPE, byte fallback" or "WordPiece, lower case": for lode inspect.
  [[nodiscard]] virtual std::string description() const = 0;
};

// template prefix + text + template suffix.
std::vector<TokenId> encode_with_template(const Tokenizer& tokenizer, std::string_view text);

// Loads what a model folder holds: tokenizer.json, else tokenizer.model, else vocab.txt; tokenizer_config.json says the
// rest for the last two. Or what a GGUF file holds: the same files where it carries them ("lode.file.PATH"), else
// gguf_tokenizer.h. Errors name the file and what is missing or malformed in it.
Result<std::unique_ptr<Tokenizer>> load_tokenizer(const std::filesystem::path& path);

}  // namespace lode::text
