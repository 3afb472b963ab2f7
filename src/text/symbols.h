// The symbols that BPE starts from: the piece of each character, and which two symbols could ever become part of one
// piece. Between two that could not, a text falls into domains that merge on their own. Built once, then constant: any
// thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/merges.h"
#include "text/vocab.h"

namespace lode::text {

class Symbols {
 public:
  // `others` are starting symbols that stand for no character: byte pieces and the unknown piece.
  Symbols(const Vocab& vocab, const std::vector<Merges::Merge>& merges, std::span<const TokenId> others);

  // -1 when the character has no piece.
  [[nodiscard]] TokenId id_of(char32_t c) const { return pages_[page_of_[c / kPageSize]][c % kPageSize]; }

  // False only when no merge joins a piece that ends in `left` to one that starts with `right`.
  [[nodiscard]] bool may_join(TokenId left, TokenId right) const {
    const uint32_t bit = bit_of(left, right);
    return (joins_[bit / 64] >> (bit % 64) & 1) != 0;
  }

 private:
  static constexpr size_t kPageSize = 256;
  static constexpr int kJoinBits = 20;  // 128 KiB; two pairs in one bit only cost a cut, not exactness

  static uint32_t bit_of(TokenId left, TokenId right) {
    return (static_cast<uint32_t>(left) * 0x9E3779B1U + static_cast<uint32_t>(right) * 0x85EBCA77U) >> (32 - kJoinBits);
  }

  std::array<uint16_t, 0x110000 / kPageSize> page_of_{};  // page 0 is empty
  std::vector<std::array<TokenId, kPageSize>> pages_;
  std::vector<uint64_t> joins_;
};

}  // namespace lode::text
