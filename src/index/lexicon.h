// Terms and their ids, and the term counts of texts. What a word becomes is remembered, so a word of a large corpus is
// analysed once. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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
  // The term of a word; empty for one that is dropped. english_term, for example.
  using Analyze = std::string (*)(std::string_view word);
  explicit Lexicon(Analyze analyze) : analyze_(analyze) {}

  // Of valid UTF-8. New terms get the next ids.
  Counts count(std::string_view text);
  [[nodiscard]] size_t n_terms() const { return n_terms_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  static constexpr TermId kDropped = ~TermId{0};
  using Ids = std::unordered_map<std::string, TermId, Hash, std::equal_to<>>;

  TermId id_of(std::string_view word);

  Analyze analyze_;
  Ids id_of_word_;
  Ids id_of_term_;
  size_t n_terms_ = 0;
  // Of the text that is counted: where in Counts::terms a term stands, if it was seen in this text.
  struct Seen {
    uint32_t text = 0;
    uint32_t at = 0;
  };
  std::vector<Seen> seen_;
  uint32_t text_ = 0;
};

}  // namespace lode::index
