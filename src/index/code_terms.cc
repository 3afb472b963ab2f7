#include "index/code_terms.h"

#include <algorithm>
#include <utility>

#include "index/english_analyzer.h"
#include "index/porter_stemmer.h"

namespace lode::index {
namespace {

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void add_part(std::string_view part, std::vector<std::string>& terms) {
  if (part.size() < 2) return;
  std::string term = lower_case(part);
  if (is_stop_word(term)) return;
  porter_stem(term);
  terms.push_back(std::move(term));
}

}  // namespace

std::vector<std::string_view> identifier_parts(std::string_view identifier) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  const auto cut = [&](size_t end) {
    if (end > begin) parts.push_back(identifier.substr(begin, end - begin));
    begin = end;
  };
  for (size_t i = 0; i < identifier.size(); ++i) {
    if (identifier[i] == '_') {
      cut(i);
      begin = i + 1;
    } else if (i > begin && is_capital(identifier[i])) {
      const char before = identifier[i - 1];
      const bool ends_capitals = i + 1 < identifier.size() && is_small(identifier[i + 1]);
      if (is_small(before) || is_digit(before) || (is_capital(before) && ends_capitals)) cut(i);
    }
  }
  cut(identifier.size());
  return parts;
}

void code_terms(std::string_view word, std::vector<std::string>& terms) {
  constexpr std::string_view kBetween = ".:',;";
  while (!word.empty()) {
    const size_t end = std::min(word.find_first_of(kBetween), word.size());
    std::string_view identifier = word.substr(0, end);
    word.remove_prefix(std::min(end + 1, word.size()));
    while (identifier.starts_with('_')) identifier.remove_prefix(1);
    while (identifier.ends_with('_')) identifier.remove_suffix(1);
    const std::vector<std::string_view> parts = identifier_parts(identifier);
    if (parts.size() > 1) terms.push_back(lower_case(identifier));
    for (const std::string_view part : parts) add_part(part, terms);
  }
}

}  // namespace lode::index
