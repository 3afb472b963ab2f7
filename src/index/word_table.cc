#include "index/word_table.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

namespace lode::index {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 16;

uint32_t hash_of(std::string_view word) {
  return static_cast<uint32_t>(XXH3_64bits(word.data(), word.size()));
}

}  // namespace

size_t WordTable::slot_of(std::string_view word, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].number != kNone && (slots_[at].hash != hash || words_[slots_[at].number] != word)) {
    at = (at + 1) & mask;
  }
  return at;
}

std::pair<uint32_t, bool> WordTable::add(std::string_view word) {
  const uint32_t hash = hash_of(word);
  size_t at = slot_of(word, hash);
  if (slots_[at].number != kNone) return {slots_[at].number, false};
  if (words_.size() >= slots_.size() / 2) {
    grow();
    at = slot_of(word, hash);
  }
  LODE_CHECK(words_.size() < kNone);
  slots_[at] = {hash, static_cast<uint32_t>(words_.size())};
  words_.push_back(keep(word));
  return {slots_[at].number, true};
}

std::optional<uint32_t> WordTable::find(std::string_view word) const {
  const Slot& slot = slots_[slot_of(word, hash_of(word))];
  return slot.number == kNone ? std::nullopt : std::optional(slot.number);
}

void WordTable::grow() {
  std::vector<Slot> before(slots_.size() * 2);
  before.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : before) {
    if (slot.number == kNone) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].number != kNone) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::string_view WordTable::keep(std::string_view word) {
  if (word.size() > n_free_) {
    n_free_ = std::max(word.size(), kBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(n_free_));
    free_ = blocks_.back().get();
  }
  if (!word.empty()) std::memcpy(free_, word.data(), word.size());
  const std::string_view kept(free_, word.size());
  free_ += word.size();
  n_free_ -= word.size();
  return kept;
}

}  // namespace lode::index
