// A set of chunks as a bit each, walked in order; for scores of which most are zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lode::index {

class ChunkSet {
 public:
  // Empties it for chunks below n.
  void reset(size_t n) { words_.assign(n / kBits + 1, 0); }
  void add(uint32_t chunk) { words_[chunk / kBits] |= uint64_t{1} << (chunk % kBits); }

  // Those within [begin, end), ascending.
  template <class Visit>
  void each(uint32_t begin, uint32_t end, const Visit& visit) const {
    if (begin >= end) return;
    for (size_t word = begin / kBits; word <= (end - 1) / kBits; ++word) {
      uint64_t bits = words_[word];
      if (word == begin / kBits) bits &= ~uint64_t{0} << (begin % kBits);
      if (word == (end - 1) / kBits) bits &= ~uint64_t{0} >> (kBits - 1 - (end - 1) % kBits);
      for (; bits != 0; bits &= bits - 1) {
        visit(static_cast<uint32_t>(word * kBits + static_cast<size_t>(std::countr_zero(bits))));
      }
    }
  }

 private:
  static constexpr size_t kBits = 64;
  std::vector<uint64_t> words_;
};

}  // namespace lode::index
