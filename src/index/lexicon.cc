#include "index/lexicon.h"

#include <utility>

#include "base/error.h"
#include "index/word_break.h"

namespace lode::index {

Lexicon::List Lexicon::terms_of(std::string_view word) {
  const auto known = lists_.find(word);
  if (known != lists_.end()) return known->second;
  analysed_.clear();
  analyze_(word, analysed_);
  const List list{static_cast<uint32_t>(term_lists_.size()), static_cast<uint32_t>(analysed_.size())};
  for (std::string& term : analysed_) {
    const auto [found, is_new] = ids_.try_emplace(std::move(term), static_cast<TermId>(terms_.size()));
    if (is_new) terms_.push_back(&found->first);
    term_lists_.push_back(found->second);
  }
  lists_.emplace(word, list);
  return list;
}

void Lexicon::add(std::string_view term, Counts& counts) {
  auto found = ids_.find(term);
  if (found == ids_.end()) {
    found = ids_.emplace(term, static_cast<TermId>(terms_.size())).first;
    terms_.push_back(&found->first);
  }
  for (TermCount& count : counts.terms) {
    if (count.term != found->second) continue;
    ++count.n;
    return;
  }
  counts.terms.push_back({found->second, 1});
}

std::optional<TermId> Lexicon::find(std::string_view term) const {
  const auto found = ids_.find(term);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
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
