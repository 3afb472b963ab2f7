// Distinct words, numbered in the order in which they came: a hash table whose keys lie one behind another, for what a
// corpus asks most is a word that it has asked before. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lode::index {

class WordTable {
 public:
  // The word's number, and whether it is new. At most 2^32 - 1 words.
  std::pair<uint32_t, bool> add(std::string_view word);
  [[nodiscard]] std::optional<uint32_t> find(std::string_view word) const;
  // Stays where it is for as long as the table lives, wherever that is moved to.
  [[nodiscard]] std::string_view word(uint32_t number) const { return words_[number]; }
  [[nodiscard]] size_t size() const { return words_.size(); }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = kNone;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  // The slot that has the word, or the empty one where it belongs.
  [[nodiscard]] size_t slot_of(std::string_view word, uint32_t hash) const;
  void grow();
  std::string_view keep(std::string_view word);

  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half of them used
  std::vector<std::string_view> words_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  // of the last block
  size_t n_free_ = 0;
};

}  // namespace lode::index
