// Which texts hold a term, and how often: inverted lists over texts that were counted once. Filled by one thread, then
// finished and read by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/lexicon.h"

namespace lode::index {

using TextId = uint32_t;

struct Posting {
  TextId text;
  uint32_t n;
};

class Postings {
 public:
  // The next id, from 0.
  TextId add(const Counts& counts);
  // No text comes after this.
  void finish();

  [[nodiscard]] std::span<const Posting> of(TermId term) const;  // by text; empty for an unknown term
  [[nodiscard]] uint32_t length(TextId text) const { return lengths_[text]; }
  [[nodiscard]] size_t n_texts() const { return lengths_.size(); }
  // Once finished.
  [[nodiscard]] size_t n_terms() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  [[nodiscard]] size_t n_postings() const { return lists_.size(); }

 private:
  std::vector<uint32_t> lengths_;
  std::vector<TermCount> counted_;  // text by text; empty once finished
  std::vector<size_t> text_ends_;
  std::vector<size_t> starts_;  // of each term's list, and the end of the last
  std::vector<Posting> lists_;
};

}  // namespace lode::index
