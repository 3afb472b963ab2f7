#include "index/english_analyzer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "index/porter_stemmer.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace lode::index {
namespace {

// Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET, sorted.
constexpr std::array<std::string_view, 33> kStopWords = {
    "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
    "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
    "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with"};

}  // namespace

std::string lower_case(std::string_view word) {
  std::string term;
  term.reserve(word.size());
  for (size_t at = 0; at < word.size();) {
    const auto byte = static_cast<unsigned char>(word[at]);
    if (byte < 0x80) {
      term += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
      ++at;
      continue;
    }
    const auto scalar = text::utf8::scalar_at(word, at);
    if ((text::unicode::flags(scalar.value) & text::unicode::kHasLower) != 0) {
      for (const char32_t c : text::unicode::lower_case(scalar.value)) text::utf8::append(c, term);
    } else {
      term.append(word, at, scalar.n_bytes);
    }
    at += scalar.n_bytes;
  }
  return term;
}

bool is_stop_word(std::string_view lower_case) {
  return std::ranges::binary_search(kStopWords, lower_case);
}

std::string english_term(std::string_view word) {
  for (const std::string_view quote : {"'", "\u2019", "\uFF07"}) {
    if (word.size() <= quote.size() + 1 || (word.back() != 's' && word.back() != 'S')) continue;
    if (word.substr(0, word.size() - 1).ends_with(quote)) {
      word.remove_suffix(quote.size() + 1);
      break;
    }
  }
  std::string term = lower_case(word);
  if (is_stop_word(term)) return {};
  porter_stem(term);
  return term;
}

void english_terms(std::string_view word, std::vector<std::string>& terms) {
  if (std::string term = english_term(word); !term.empty()) terms.push_back(std::move(term));
}

}  // namespace lode::index
