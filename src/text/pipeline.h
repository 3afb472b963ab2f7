// The Tokenizer that all formats come to: added tokens, a segment model, a template, a decoder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/segment_model.h"
#include "text/template.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

namespace lode::text {

class Pipeline final : public Tokenizer {
 public:
  struct Parts {
    Vocab vocab;  // added tokens included
    AddedTokens added;
    std::unique_ptr<SegmentModel> model;
    Decoder decoder;
    Template around;
  };
  explicit Pipeline(Parts parts) : parts_(std::move(parts)) {}

  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special) const override;
  [[nodiscard]] std::span<const TokenId> template_prefix() const override { return parts_.around.prefix; }
  [[nodiscard]] std::span<const TokenId> template_suffix() const override { return parts_.around.suffix; }
  [[nodiscard]] int32_t vocab_size() const override { return parts_.vocab.size(); }
  [[nodiscard]] std::optional<TokenId> id_of(std::string_view piece) const override {
    return parts_.vocab.id_of(piece);
  }
  [[nodiscard]] std::string_view piece_of(TokenId id) const override { return parts_.vocab.piece_of(id); }
  [[nodiscard]] std::string description() const override { return parts_.model->description(); }

 private:
  Parts parts_;
};

}  // namespace lode::text
