#include "search/ignore_rules.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <ranges>
#include <utility>

namespace lode::search {
namespace {

struct NamedClass {
  std::string_view name;
  int (*holds)(int);
};
constexpr NamedClass kNamedClasses[] = {
    {"alnum", std::isalnum}, {"alpha", std::isalpha}, {"blank", std::isblank}, {"cntrl", std::iscntrl},
    {"digit", std::isdigit}, {"graph", std::isgraph}, {"lower", std::islower}, {"print", std::isprint},
    {"punct", std::ispunct}, {"space", std::isspace}, {"upper", std::isupper}, {"xdigit", std::isxdigit},
};

// The set that opens at pattern[at] == '[': whether it has `c`, and where it ends. Empty: it is not closed, or names an
// unknown class.
std::optional<std::pair<bool, size_t>> match_set(std::string_view pattern, size_t at, unsigned char c) {
  size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true;; first = false) {
    if (i >= pattern.size()) return std::nullopt;
    if (pattern[i] == ']' && !first) break;
    if (pattern.substr(i).starts_with("[:")) {
      const size_t close = pattern.find(":]", i + 2);
      if (close != std::string_view::npos) {
        const std::string_view name = pattern.substr(i + 2, close - i - 2);
        const auto* const known = std::ranges::find(kNamedClasses, name, &NamedClass::name);
        if (known == std::end(kNamedClasses)) return std::nullopt;
        found |= known->holds(c) != 0;
        i = close + 2;
        continue;
      }
    }
    if (pattern[i] == '\\' && ++i >= pattern.size()) return std::nullopt;
    const auto low = static_cast<unsigned char>(pattern[i++]);
    auto high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      if (pattern[i] == '\\' && ++i >= pattern.size()) return std::nullopt;
      high = static_cast<unsigned char>(pattern[i++]);
    }
    // As git has it, the low end is in the set even where the high end is below it.
    found |= c == low || (low <= c && c <= high);
  }
  return std::pair(found != negated && c != '/', i + 1);
}

// One character of the text against what stands at pattern[at]: where the pattern goes on, or empty for no match.
std::optional<size_t> match_one(std::string_view pattern, size_t at, char c) {
  switch (pattern[at]) {
    case '?': return c != '/' ? std::optional(at + 1) : std::nullopt;
    case '[': {
      const auto set = match_set(pattern, at, static_cast<unsigned char>(c));
      return set && set->first ? std::optional(set->second) : std::nullopt;
    }
    case '\\': return at + 1 < pattern.size() && pattern[at + 1] == c ? std::optional(at + 2) : std::nullopt;
    default: return pattern[at] == c ? std::optional(at + 1) : std::nullopt;
  }
}

}  // namespace

// What a star takes is tried from short to long. Only the last `*` and the last `**` need be tried again: if a later
// star cannot be satisfied, no other choice for an earlier one helps, as the later one could have taken the difference
// itself (a `*` as far as the next slash, so that then the last `**` is tried).
bool glob_matches(std::string_view pattern, std::string_view text) {
  constexpr size_t kNowhere = std::string_view::npos;
  size_t p = 0;
  size_t t = 0;
  size_t star_p = kNowhere;  // behind the last `*`, and the text that it has not taken yet
  size_t star_t = 0;
  size_t deep_p = kNowhere;  // behind the last `**/`
  size_t deep_t = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      const bool at_start = p == 0 || pattern[p - 1] == '/';
      size_t behind = p;
      while (behind < pattern.size() && pattern[behind] == '*') ++behind;
      if (at_start && behind - p >= 2 && (behind == pattern.size() || pattern[behind] == '/')) {
        if (behind == pattern.size()) return true;
        deep_p = p = behind + 1;
        deep_t = t;
        star_p = kNowhere;
        continue;
      }
      star_p = p = behind;
      star_t = t;
      continue;
    }
    if (p == pattern.size() && t == text.size()) return true;
    if (p < pattern.size() && t < text.size()) {
      if (const auto next = match_one(pattern, p, text[t])) {
        p = *next;
        ++t;
        continue;
      }
    }
    if (star_p != kNowhere && star_t < text.size() && text[star_t] != '/') {
      p = star_p;
      t = ++star_t;
      continue;
    }
    if (deep_p == kNowhere) return false;
    const size_t slash = text.find('/', deep_t);
    if (slash == kNowhere) return false;
    p = deep_p;
    t = deep_t = slash + 1;
    star_p = kNowhere;
  }
}

void IgnoreRules::add(std::string_view folder, std::string_view file_text) {
  if (file_text.starts_with("\xEF\xBB\xBF")) file_text.remove_prefix(3);
  while (!file_text.empty()) {
    const size_t end = std::min(file_text.find('\n'), file_text.size());
    std::string_view line = file_text.substr(0, end);
    file_text.remove_prefix(std::min(end + 1, file_text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    add_line(folder, line);
  }
}

void IgnoreRules::add_line(std::string_view folder, std::string_view line) {
  if (line.starts_with('#')) return;
  // Blanks at the end count where a backslash stands before them.
  size_t end = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) end = ++i + 1;
    if (line[i] != ' ') end = i + 1;
  }
  line = line.substr(0, end);
  Pattern pattern;
  if (line.starts_with('!')) {
    pattern.keeps = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    pattern.folders_only = true;
    line.remove_suffix(1);
  }
  pattern.whole_path = line.contains('/');
  if (line.starts_with('/')) line.remove_prefix(1);
  if (line.empty()) return;
  if (line.find_first_of("*?[\\") == std::string_view::npos) {
    pattern.form = Form::literal;
  } else if (!pattern.whole_path && line.starts_with('*') && line.find_first_of("*?[\\", 1) == std::string_view::npos) {
    pattern.form = Form::ending;
    line.remove_prefix(1);
  }
  if (pattern.form == Form::glob && pattern.whole_path) pattern.n_literal = line.find_first_of("*?[\\");
  pattern.text = line;
  pattern.folder = folder;
  patterns_.push_back(std::move(pattern));
}

Verdict IgnoreRules::verdict(std::string_view path, bool is_folder) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const Pattern& pattern : patterns_ | std::views::reverse) {
    if (pattern.folders_only && !is_folder) continue;
    if (!path.starts_with(pattern.folder)) continue;
    const std::string_view subject = pattern.whole_path ? path.substr(pattern.folder.size()) : name;
    bool matches = false;
    switch (pattern.form) {
      case Form::literal: matches = subject == pattern.text; break;
      case Form::ending: matches = subject.ends_with(pattern.text); break;
      case Form::glob: {
        // What stands before the first wildcard of a whole path is taken off both first: so `ab**/c` reaches into
        // deeper folders, two stars being at its front then. Git's own way, and so what people's patterns mean.
        const std::string_view text = pattern.text;
        const size_t n = pattern.n_literal;
        matches = subject.starts_with(text.substr(0, n)) && glob_matches(text.substr(n), subject.substr(n));
        break;
      }
    }
    if (matches) return pattern.keeps ? Verdict::kept : Verdict::ignored;
  }
  return Verdict::none;
}

}  // namespace lode::search
