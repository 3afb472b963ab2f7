// Pieces and their ids. Ids may have holes; pieces are distinct, not empty and valid UTF-8.
// Built once, then constant: any thread may read. Views live as long as the vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"

namespace lode::text {

class Vocab {
 public:
  // Ids beyond this are refused: a wild id must not become a wild allocation.
  static constexpr TokenId kMaxId = (1 << 22) - 1;

  // `what` names the file in errors. Refuses ids below 0 or beyond kMaxId, an id or a piece given twice, an empty
  // piece, and bytes that are not UTF-8.
  static Result<Vocab> make(const std::vector<std::pair<std::string_view, TokenId>>& pieces, std::string_view what);

  [[nodiscard]] std::optional<TokenId> id_of(std::string_view piece) const {
    const size_t slot = slot_of(piece);
    return slots_[slot] < 0 ? std::nullopt : std::optional<TokenId>(slots_[slot]);
  }
  // Empty when the id is unknown.
  [[nodiscard]] std::string_view piece_of(TokenId id) const {
    if (id < 0 || id >= size()) return {};
    const Piece& piece = pieces_[static_cast<size_t>(id)];
    return std::string_view(bytes_).substr(piece.offset, piece.n_bytes);
  }
  // One past the largest id.
  [[nodiscard]] TokenId size() const { return static_cast<TokenId>(pieces_.size()); }

  // Adds a piece, or does nothing where it has this id already. Same refusals as make().
  Status add(std::string_view piece, TokenId id, std::string_view what);

 private:
  struct Piece {
    uint32_t offset = 0;
    uint32_t n_bytes = 0;
  };

  Vocab() = default;
  // Where the piece is, or where it would go (slots_[...] < 0).
  [[nodiscard]] size_t slot_of(std::string_view piece) const;
  void rehash(size_t n_slots);

  std::string bytes_;
  std::vector<Piece> pieces_;   // by id
  std::vector<TokenId> slots_;  // open addressing, at most half full; -1: free
  size_t n_pieces_ = 0;
};

}  // namespace lode::text
