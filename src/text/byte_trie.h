// A set of byte strings with an id each, walked byte by byte: longest match at a position in one pass.
// Built once, then constant: any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lode::text {

class ByteTrie {
 public:
  struct Match {
    int32_t value;
    size_t n_bytes;
  };

  ByteTrie();
  // The later of two equal keys wins. `key` is not empty, `value` not negative. False when the trie is full (2^24
  // nodes).
  [[nodiscard]] bool insert(std::string_view key, int32_t value);

  // The longest key that `text` starts with.
  [[nodiscard]] std::optional<Match> longest_prefix(std::string_view text) const {
    if (text.empty()) return std::nullopt;
    int32_t node = root_[static_cast<unsigned char>(text[0])];
    std::optional<Match> best;
    for (size_t i = 1; node >= 0; ++i) {
      if (const int32_t value = values_[static_cast<size_t>(node)]; value >= 0) best = Match{value, i};
      if (i == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[i]));
    }
    return best;
  }
  // Whether a key starts with this byte.
  [[nodiscard]] bool starts(unsigned char byte) const { return root_[byte] >= 0; }
  [[nodiscard]] bool empty() const { return values_.empty(); }

 private:
  struct Edge {
    uint32_t key;  // node << 8 | byte; kFree: no edge here
    int32_t child;
  };
  static constexpr uint32_t kFree = 0xFFFFFFFF;

  [[nodiscard]] size_t slot_of(uint32_t key) const { return (key * 0x9E3779B1U) >> shift_; }
  [[nodiscard]] int32_t child(int32_t node, unsigned char byte) const {
    const uint32_t key = static_cast<uint32_t>(node) << 8 | byte;
    size_t slot = slot_of(key);
    while (edges_[slot].key != key) {
      if (edges_[slot].key == kFree) return -1;
      slot = (slot + 1) & (edges_.size() - 1);
    }
    return edges_[slot].child;
  }
  static constexpr size_t kMaxNodes = (size_t{1} << 24) - 1;  // a node and a byte share 32 bits
  void add_child(int32_t node, unsigned char byte);
  void grow();

  std::array<int32_t, 256> root_;
  std::vector<int32_t> values_;  // of each node, -1: no key ends here
  std::vector<Edge> edges_;      // open addressing, at most half full
  size_t n_edges_ = 0;
  int shift_ = 32;
};

}  // namespace lode::text
