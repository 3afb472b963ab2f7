// Terms and their ids, and the term counts of texts. What a word becomes is remembered, so a word of a large corpus is
// analysed once. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "index/word_table.h"

namespace lode::index {

using TermId = uint32_t;

struct TermCount {
  TermId term;
  uint32_t n;
};

struct Counts {
  std::vector<TermCount> terms;  // each term once
  uint32_t length = 0;           // of the text, in terms
};

class Lexicon {
 public:
  // Appends the terms of a word: none for one that is dropped. english_terms, for example.
  using Analyze = void (*)(std::string_view word, std::vector<std::string>& terms);
  explicit Lexicon(Analyze analyze) : analyze_(analyze) {}

  // Of valid UTF-8. New terms get the next ids.
  Counts count(std::string_view text);
  // The term itself, not analysed, one more time; the length stays.
  void add(std::string_view term, Counts& counts);
  [[nodiscard]] size_t n_terms() const { return terms_.size(); }
  [[nodiscard]] std::string_view term(TermId id) const { return terms_.word(id); }
  // Of a term as it is counted; none where no text had it.
  [[nodiscard]] std::optional<TermId> find(std::string_view term) const;

 private:
  // Of a word: its terms, in term_lists_.
  struct List {
    uint32_t begin = 0;
    uint32_t n = 0;
  };

  List terms_of(std::string_view word);

  Analyze analyze_;
  WordTable words_;
  std::vector<List> lists_;  // by the words' numbers
  std::vector<TermId> term_lists_;
  WordTable terms_;
  std::vector<std::string> analysed_;  // of the word in hand
  // Of the text that is counted: where in Counts::terms a term stands, if it was seen in this text.
  struct Seen {
    uint32_t text = 0;
    uint32_t at = 0;
  };
  std::vector<Seen> seen_;
  uint32_t text_ = 0;
};

}  // namespace lode::index
