#include "index/lexicon.h"

#include "base/error.h"
#include "index/word_break.h"

namespace lode::index {

Lexicon::List Lexicon::terms_of(std::string_view word) {
  const auto [number, is_new] = words_.add(word);
  if (!is_new) return lists_[number];
  analysed_.clear();
  analyze_(word, analysed_);
  lists_.push_back({static_cast<uint32_t>(term_lists_.size()), static_cast<uint32_t>(analysed_.size())});
  for (const std::string& term : analysed_) term_lists_.push_back(terms_.add(term).first);
  return lists_.back();
}

void Lexicon::add(std::string_view term, Counts& counts) {
  const TermId id = terms_.add(term).first;
  for (TermCount& count : counts.terms) {
    if (count.term != id) continue;
    ++count.n;
    return;
  }
  counts.terms.push_back({id, 1});
}

std::optional<TermId> Lexicon::find(std::string_view term) const {
  return terms_.find(term);
}

Counts Lexicon::count(std::string_view text) {
  Counts out;
  LODE_CHECK(++text_ != 0);
  WordReader words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const List list = terms_of(word);
    for (uint32_t i = 0; i < list.n; ++i) {
      const TermId term = term_lists_[list.begin + i];
      ++out.length;
      if (seen_.size() <= term) seen_.resize(terms_.size() + terms_.size() / 2);
      Seen& seen = seen_[term];
      if (seen.text != text_) {
        seen = {text_, static_cast<uint32_t>(out.terms.size())};
        out.terms.push_back({term, 0});
      }
      ++out.terms[seen.at].n;
    }
  }
  return out;
}

}  // namespace lode::index
