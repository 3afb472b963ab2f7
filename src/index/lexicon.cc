#include "index/lexicon.h"

#include "base/error.h"
#include "index/word_break.h"

namespace lode::index {

TermId Lexicon::id_of(std::string_view word) {
  const auto known = id_of_word_.find(word);
  if (known != id_of_word_.end()) return known->second;
  TermId id = kDropped;
  if (std::string term = analyze_(word); !term.empty()) {
    const auto [found, is_new] = id_of_term_.try_emplace(std::move(term), static_cast<TermId>(n_terms_));
    if (is_new) ++n_terms_;
    id = found->second;
  }
  id_of_word_.emplace(word, id);
  return id;
}

Counts Lexicon::count(std::string_view text) {
  Counts out;
  LODE_CHECK(++text_ != 0);
  WordReader words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const TermId term = id_of(word);
    if (term == kDropped) continue;
    ++out.length;
    if (seen_.size() <= term) seen_.resize(n_terms_ + n_terms_ / 2);
    Seen& seen = seen_[term];
    if (seen.text != text_) {
      seen = {text_, static_cast<uint32_t>(out.terms.size())};
      out.terms.push_back({term, 0});
    }
    ++out.terms[seen.at].n;
  }
  return out;
}

}  // namespace lode::index
