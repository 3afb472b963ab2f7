// Byte-pair encoding in the SentencePiece manner: characters, or their bytes where a character has no piece, merged by
// rank. The text is one merge domain (no words), unless a Metaspace split says otherwise. Constant after construction.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/merges.h"
#include "text/segment_model.h"
#include "text/symbols.h"
#include "text/vocab.h"

namespace lode::text {

struct BpeOptions {
  // The normalizer: in order; an empty `from` puts `to` in front, else every `from` becomes `to`.
  struct Step {
    std::string from;
    std::string to;
  };
  std::vector<Step> normalizer;

  // The Metaspace pre-tokenizer: spaces become `mark`, one is put in front where there is none yet.
  enum class Prepend : uint8_t { never, first, always };
  struct Metaspace {
    char32_t mark = 0x2581;
    Prepend prepend = Prepend::always;
    bool split = true;  // nothing merges across the front of a mark
  };
  std::optional<Metaspace> metaspace;

  // Of the bytes 0 to 255. Without them unknown characters become `unknown`.
  std::optional<std::array<TokenId, 256>> byte_pieces;
  std::optional<TokenId> unknown;
  bool fuse_unknown = false;  // neighbours become one
};

class Bpe final : public SegmentModel {
 public:
  // `merges` in order of rank, ids of `vocab`. Needs byte_pieces or unknown.
  Bpe(const Vocab& vocab, const std::vector<Merges::Merge>& merges, BpeOptions options);

  void normalize(std::string_view raw, std::string& out) const override;
  void encode(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const override;
  [[nodiscard]] std::string description() const override;

 private:
  void encode_domains(std::string_view text, std::vector<TokenId>& ids) const;

  BpeOptions options_;
  Merges merges_;
  Symbols symbols_;
};

}  // namespace lode::text
