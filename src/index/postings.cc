#include "index/postings.h"

#include <algorithm>

#include "base/error.h"

namespace lode::index {

TextId Postings::add(const Counts& counts) {
  LODE_CHECK(starts_.empty());
  counted_.insert(counted_.end(), counts.terms.begin(), counts.terms.end());
  text_ends_.push_back(counted_.size());
  lengths_.push_back(counts.length);
  return static_cast<TextId>(lengths_.size() - 1);
}

void Postings::finish() {
  LODE_CHECK(starts_.empty());
  TermId n_terms = 0;
  for (const TermCount& count : counted_) n_terms = std::max(n_terms, count.term + 1);
  starts_.assign(size_t{n_terms} + 1, 0);
  for (const TermCount& count : counted_) ++starts_[count.term + 1];
  for (size_t term = 0; term < n_terms; ++term) starts_[term + 1] += starts_[term];
  lists_.resize(counted_.size());
  std::vector<size_t> next(starts_.begin(), starts_.end() - 1);
  size_t at = 0;
  for (TextId text = 0; text < text_ends_.size(); ++text) {
    for (; at < text_ends_[text]; ++at) lists_[next[counted_[at].term]++] = {text, counted_[at].n};
  }
  counted_ = {};
  text_ends_ = {};
}

std::span<const Posting> Postings::of(TermId term) const {
  if (size_t{term} + 1 >= starts_.size()) return {};
  return std::span(lists_).subspan(starts_[term], starts_[term + 1] - starts_[term]);
}

}  // namespace lode::index
