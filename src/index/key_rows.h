// Which row has a key, for the keys of a file of rows: entries lie in the order of the rows, and a table of row numbers
// leads from a key to its own, open addressing by the key's hash. Of keys that are there more than once the last
// counts. Eight to sixteen bytes a row beside the entries. One thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace lode::index {

// Entry: has a `key` that compares. Hash: of such a key, well mixed in its lower bits.
template <class Entry, class Hash>
class KeyRows {
 public:
  using Key = decltype(Entry::key);
  static constexpr size_t kMostRows = std::numeric_limits<uint32_t>::max() - 2;

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] const Entry& operator[](size_t row) const { return entries_[row]; }

  // The rows behind those that are known; no more than kMostRows in all.
  void append(std::span<const Entry> entries) {
    const size_t known = entries_.size();
    entries_.insert(entries_.end(), entries.begin(), entries.end());
    if (slots_.size() < entries_.size() * 2) {
      const std::vector<uint32_t> before = std::exchange(slots_, {});
      slots_.assign(std::bit_ceil(entries_.size() * 2), kNone);
      for (const uint32_t row : before) {
        if (row < kDropped) put(row);
      }
    }
    for (size_t row = known; row < entries_.size(); ++row) put(row);
  }

  static constexpr size_t npos = std::numeric_limits<size_t>::max();
  // npos: there is none.
  [[nodiscard]] size_t find(const Key& key) const {
    if (slots_.empty()) return npos;
    const uint32_t row = slots_[slot_of(key)];
    return row < kDropped ? row : npos;
  }

  // A key that was found is not found any more until it is appended anew.
  void drop(const Key& key) { slots_[slot_of(key)] = kDropped; }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  static constexpr uint32_t kDropped = kNone - 1;

  // Where the key is, or the first place that is free.
  [[nodiscard]] size_t slot_of(const Key& key) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = Hash()(key) & mask;
    while (slots_[slot] != kNone && (slots_[slot] == kDropped || !(entries_[slots_[slot]].key == key))) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
  void put(size_t row) { slots_[slot_of(entries_[row].key)] = static_cast<uint32_t>(row); }

  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;
};

}  // namespace lode::index
