#include "text/byte_trie.h"

#include <bit>

#include "base/error.h"

namespace lode::text {

ByteTrie::ByteTrie() : edges_(16, Edge{kFree, -1}), shift_(28) {
  root_.fill(-1);
}

bool ByteTrie::insert(std::string_view key, int32_t value) {
  LODE_CHECK(!key.empty() && value >= 0);
  if (values_.size() + key.size() > kMaxNodes) return false;
  int32_t& first = root_[static_cast<unsigned char>(key[0])];
  if (first < 0) {
    first = static_cast<int32_t>(values_.size());
    values_.push_back(-1);
  }
  int32_t node = first;
  for (const char c : key.substr(1)) {
    const auto byte = static_cast<unsigned char>(c);
    if (child(node, byte) < 0) add_child(node, byte);
    node = child(node, byte);
  }
  values_[static_cast<size_t>(node)] = value;
  return true;
}

void ByteTrie::add_child(int32_t node, unsigned char byte) {
  if (2 * (n_edges_ + 1) > edges_.size()) grow();
  const uint32_t key = static_cast<uint32_t>(node) << 8 | byte;
  size_t slot = slot_of(key);
  while (edges_[slot].key != kFree) slot = (slot + 1) & (edges_.size() - 1);
  edges_[slot] = {key, static_cast<int32_t>(values_.size())};
  ++n_edges_;
  values_.push_back(-1);
}

void ByteTrie::grow() {
  std::vector<Edge> old(2 * edges_.size(), Edge{kFree, -1});
  old.swap(edges_);
  shift_ = 32 - std::countr_zero(edges_.size());
  for (const Edge& edge : old) {
    if (edge.key == kFree) continue;
    size_t slot = slot_of(edge.key);
    while (edges_[slot].key != kFree) slot = (slot + 1) & (edges_.size() - 1);
    edges_[slot] = edge;
  }
}

}  // namespace lode::text
