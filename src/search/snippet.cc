#include "search/snippet.h"

#include <algorithm>
#include <vector>

#include "index/code_terms.h"
#include "index/word_break.h"
#include "text/utf8.h"

namespace lode::search {
namespace {

constexpr size_t kMostLineBytes = 300;

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

double weight_of(std::string_view line, TermFinder& terms) {
  double out = 0;
  for (const TermFinder::Term* term : terms.in(line)) out += term->second;
  return out;
}

Snippet joined(const std::vector<std::string_view>& lines, size_t first, size_t last, size_t best,
               uint32_t first_line) {
  Snippet out;
  out.best_line = first_line + static_cast<uint32_t>(best);
  // Blank lines at the edges say nothing.
  const auto is_blank = [&](size_t i) { return lines[i].find_first_not_of(" \t") == std::string_view::npos; };
  while (first < last && is_blank(first)) ++first;
  while (last > first && is_blank(last)) --last;
  out.first_line = first_line + static_cast<uint32_t>(first);
  for (size_t i = first; i <= last && i < lines.size(); ++i) {
    if (i > first) out.text += '\n';
    std::string_view line = lines[i];
    if (line.size() > kMostLineBytes) line = line.substr(0, text::utf8::valid_prefix(line.substr(0, kMostLineBytes)));
    out.text += line;
  }
  return out;
}

}  // namespace

const std::vector<const TermFinder::Term*>& TermFinder::in(std::string_view text) {
  found_.clear();
  index::WordReader words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    auto known = known_.find(word);
    if (known == known_.end()) {
      known = known_.try_emplace(std::string(word)).first;
      terms_.clear();
      index::code_terms(word, terms_);
      for (const std::string& term : terms_) {
        if (const auto one = weights_.find(term); one != weights_.end()) known->second.push_back(&*one);
      }
    }
    found_.insert(found_.end(), known->second.begin(), known->second.end());
  }
  if (found_.size() > 1) {
    std::ranges::sort(found_, {}, [](const Term* term) -> const std::string& { return term->first; });
    found_.erase(std::ranges::unique(found_).begin(), found_.end());
  }
  return found_;
}

Snippet best_lines(std::string_view chunk, uint32_t first_line, TermFinder& terms, size_t context) {
  const std::vector<std::string_view> lines = split_lines(chunk);
  if (lines.empty()) return {.first_line = first_line, .best_line = first_line, .text = {}};
  size_t best = 0;
  double most = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const double weight = weight_of(lines[i], terms);
    if (weight > most) {
      most = weight;
      best = i;
    }
  }
  return joined(lines, best - std::min(best, context), std::min(best + context, lines.size() - 1), best, first_line);
}

Snippet lines_around(std::string_view text, uint32_t first, uint32_t last, size_t context) {
  const std::vector<std::string_view> lines = split_lines(text);
  if (lines.empty()) return {.first_line = first, .best_line = first, .text = {}};
  const size_t from = std::min<size_t>(first > 0 ? first - 1 : 0, lines.size() - 1);
  const size_t to = std::clamp<size_t>(last > 0 ? last - 1 : 0, from, lines.size() - 1);
  return joined(lines, from - std::min(from, context), std::min(to + context, lines.size() - 1), from, 1);
}

}  // namespace lode::search
