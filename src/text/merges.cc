#include "text/merges.h"

#include <bit>

namespace lode::text {

Merges::Merges(const std::vector<Merge>& in_order) {
  const size_t n_slots = std::bit_ceil(2 * in_order.size() + 2);
  slots_.resize(n_slots);
  mask_ = n_slots - 1;
  shift_ = 64 - std::countr_zero(n_slots);
  for (uint32_t rank = 0; const Merge& merge : in_order) {
    size_t slot = slot_of(merge.left, merge.right);
    while (slots_[slot].left >= 0 && (slots_[slot].left != merge.left || slots_[slot].right != merge.right)) {
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = {merge.left, merge.right, {rank++, merge.result}};
  }
}

}  // namespace lode::text
