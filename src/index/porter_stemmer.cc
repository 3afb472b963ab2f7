#include "index/porter_stemmer.h"

#include <cstddef>
#include <span>
#include <string_view>

namespace lode::index {
namespace {

struct Rule {
  std::string_view suffix;
  std::string_view replacement;
};

// Steps 2 and 3: longest suffix first where one ends in another.
constexpr Rule kStep2[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
                           {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},
                           {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
                           {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
                           {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"},
                           {"logi", "log"}};
constexpr Rule kStep3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                           {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
constexpr std::string_view kStep4[] = {"al",  "ance", "ence", "er",  "ic",  "able", "ible", "ant", "ement", "ment",
                                       "ent", "ion",  "ou",   "ism", "ate", "iti",  "ous",  "ive", "ize"};

class Stem {
 public:
  explicit Stem(std::string& word) : word_(word) {}

  void run() {
    if (word_.size() <= 2) return;
    plural();
    past();
    final_y();
    replace_one(kStep2);
    replace_one(kStep3);
    strip();
    final_e();
  }

 private:
  [[nodiscard]] bool consonant(size_t i) const {
    switch (word_[i]) {
      case 'a':
      case 'e':
      case 'i':
      case 'o':
      case 'u': return false;
      case 'y': return i == 0 || !consonant(i - 1);
      default: return true;
    }
  }
  // Vowel-consonant sequences in the first n bytes: m in [C](VC)^m[V].
  [[nodiscard]] int measure(size_t n) const {
    int m = 0;
    bool vowel_before = false;
    for (size_t i = 0; i < n; ++i) {
      const bool is_consonant = consonant(i);
      if (is_consonant && vowel_before) ++m;
      vowel_before = !is_consonant;
    }
    return m;
  }
  [[nodiscard]] bool has_vowel(size_t n) const {
    for (size_t i = 0; i < n; ++i) {
      if (!consonant(i)) return true;
    }
    return false;
  }
  [[nodiscard]] bool double_consonant(size_t n) const {
    return n >= 2 && word_[n - 1] == word_[n - 2] && consonant(n - 1);
  }
  // consonant-vowel-consonant at the end of the first n bytes, the last not w, x or y.
  [[nodiscard]] bool short_end(size_t n) const {
    if (n < 3 || !consonant(n - 1) || consonant(n - 2) || !consonant(n - 3)) return false;
    return word_[n - 1] != 'w' && word_[n - 1] != 'x' && word_[n - 1] != 'y';
  }
  [[nodiscard]] bool ends(std::string_view suffix) const { return word_.ends_with(suffix); }
  [[nodiscard]] size_t without(std::string_view suffix) const { return word_.size() - suffix.size(); }

  void plural() {
    if (!ends("s")) return;
    if (ends("sses") || ends("ies")) {
      word_.resize(word_.size() - 2);
    } else if (!ends("ss")) {
      word_.pop_back();
    }
  }

  void past() {
    if (ends("eed")) {
      if (measure(without("eed")) > 0) word_.pop_back();
      return;
    }
    size_t n = 0;
    if (ends("ed") && has_vowel(without("ed"))) n = without("ed");
    if (ends("ing") && has_vowel(without("ing"))) n = without("ing");
    if (n == 0) return;
    word_.resize(n);
    if (ends("at") || ends("bl") || ends("iz")) {
      word_ += 'e';
    } else if (double_consonant(n)) {
      if (!ends("l") && !ends("s") && !ends("z")) word_.pop_back();
    } else if (measure(n) == 1 && short_end(n)) {
      word_ += 'e';
    }
  }

  void final_y() {
    if (ends("y") && has_vowel(word_.size() - 1)) word_.back() = 'i';
  }

  // The first suffix that fits decides, whether or not enough stands before it.
  void replace_one(std::span<const Rule> rules) {
    for (const Rule& rule : rules) {
      if (!ends(rule.suffix)) continue;
      const size_t n = without(rule.suffix);
      if (measure(n) > 0) word_.replace(n, std::string::npos, rule.replacement);
      return;
    }
  }

  void strip() {
    for (const std::string_view suffix : kStep4) {
      if (!ends(suffix)) continue;
      const size_t n = without(suffix);
      if (suffix == "ion" && (n == 0 || (word_[n - 1] != 's' && word_[n - 1] != 't'))) continue;
      if (measure(n) > 1) word_.resize(n);
      return;
    }
  }

  void final_e() {
    if (ends("e")) {
      const size_t n = word_.size() - 1;
      const int m = measure(n);
      if (m > 1 || (m == 1 && !short_end(n))) word_.pop_back();
    }
    if (ends("l") && double_consonant(word_.size()) && measure(word_.size()) > 1) word_.pop_back();
  }

  std::string& word_;
};

}  // namespace

void porter_stem(std::string& word) {
  Stem(word).run();
}

}  // namespace lode::index
