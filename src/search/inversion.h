// From texts and their terms to terms and their texts. Each worker fills an inversion of its own, with its own numbers
// for texts and terms; then they are merged into the blocks of one sorted dictionary. One thread at a time each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "search/term_block.h"

namespace lode::search {

class Inversion {
 public:
  // Texts do not descend from one call to the next.
  void add(uint32_t term, uint32_t text, uint32_t n) { uses_.push_back({term, text, n}); }
  // Once, after the last one. terms: by number, each once; they live as long as this.
  void sort(std::vector<std::string_view> terms);

  // What is there of a term, in ascending order of terms, once sorted.
  struct Use {
    uint32_t term;
    uint32_t text;
    uint32_t n;
  };
  [[nodiscard]] size_t n_terms() const { return order_.size(); }
  [[nodiscard]] std::string_view term(size_t place) const { return terms_[order_[place]]; }
  [[nodiscard]] std::span<const Use> uses(size_t place) const {
    const uint32_t number = order_[place];
    return std::span(uses_).subspan(starts_[number], starts_[number + 1] - starts_[number]);
  }

 private:
  std::vector<std::string_view> terms_;
  std::vector<Use> uses_;
  std::vector<uint32_t> order_;   // numbers of terms, by term
  std::vector<uint32_t> starts_;  // by number, into uses_
};

// Sorted inversions into `out`, which is finished then. numbers[i][text]: what text of inversion i is called in the
// dictionary; ascending within an inversion.
void merge_inversions(std::span<const Inversion* const> inversions, std::span<const std::vector<uint32_t>> numbers,
                      BlockWriter& out);

}  // namespace lode::search
