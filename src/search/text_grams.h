// Which strings of four bytes a text has, as bits: a text that lacks one of those of another does not hold the other
// and need not be read. It takes a bit a byte of the text. A set that says yes may be wrong, one that says no never is.
// What is known of contents is kept for who searches the same index next: those are KnownGrams, shared by any threads;
// GramsOfTree is one reader's view of them, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "search/content_hash.h"

namespace lode::search {

// Of what is looked for, as it is or in any letter case: the strings that every text with it has. None where it is
// too short.
std::vector<uint32_t> grams_of_text(std::string_view text, bool any_case);

class TextGrams {
 public:
  explicit TextGrams(std::string_view text);
  // Whether a text may have all of them.
  [[nodiscard]] bool may_have(std::span<const uint32_t> grams) const;

 private:
  std::vector<uint64_t> bits_;
};

class KnownGrams {
 public:
  using Set = std::shared_ptr<const TextGrams>;

  // Of each of these contents, null where it is not known. Forgets those of all others.
  std::vector<Set> take(std::span<const ContentHash> contents);
  void add(const ContentHash& content, Set grams);

 private:
  struct Hash {
    size_t operator()(const ContentHash& hash) const;
  };
  std::mutex mutex_;
  std::unordered_map<ContentHash, Set, Hash> known_;
};

class GramsOfTree {
 public:
  GramsOfTree(std::shared_ptr<KnownGrams> known, std::vector<ContentHash> contents);
  // By place in the contents; null: not known.
  [[nodiscard]] const TextGrams* find(size_t place) const { return sets_[place].get(); }
  void learn(size_t place, std::string_view text);
  // Asks what others have learnt meanwhile, if anything lacks.
  void refresh();

 private:
  std::shared_ptr<KnownGrams> known_;
  std::vector<ContentHash> contents_;
  std::vector<KnownGrams::Set> sets_;
  size_t n_lacking_ = 0;
};

}  // namespace lode::search
