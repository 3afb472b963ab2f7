// The merge table of a BPE vocabulary: which neighbours join, into what, and which of two merges comes first.
// Built once, then constant: any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/tokenizer.h"

namespace lode::text {

class Merges {
 public:
  struct Merge {
    TokenId left;
    TokenId right;
    TokenId result;
  };
  static constexpr uint32_t kNever = 0xFFFFFFFF;
  struct Found {
    uint32_t rank = kNever;  // lower comes first; kNever: the two do not join
    TokenId result = -1;
  };

  // In order of rank. Of a pair that is listed twice the later entry counts, as in the reference.
  explicit Merges(const std::vector<Merge>& in_order);

  [[nodiscard]] Found find(TokenId left, TokenId right) const {
    size_t slot = slot_of(left, right);
    while (true) {
      const Slot& at = slots_[slot];
      if (at.left == left && at.right == right) return at.found;
      if (at.left < 0) return {};
      slot = (slot + 1) & mask_;
    }
  }

 private:
  struct Slot {
    TokenId left = -1;
    TokenId right = -1;
    Found found;
  };

  [[nodiscard]] size_t slot_of(TokenId left, TokenId right) const {
    const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    return (key * 0x9E3779B97F4A7C15U) >> shift_;
  }

  std::vector<Slot> slots_;  // open addressing, at most half full
  size_t mask_ = 0;
  int shift_ = 0;
};

}  // namespace lode::text
