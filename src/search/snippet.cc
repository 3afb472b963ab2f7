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

double weight_of(std::string_view line, const TermWeights& weights) {
  double out = 0;
  std::vector<std::string> terms;
  index::WordReader words(line);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) index::code_terms(word, terms);
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
  for (const std::string& term : terms) {
    if (const auto found = weights.find(term); found != weights.end()) out += found->second;
  }
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

Snippet best_lines(std::string_view chunk, uint32_t first_line, const TermWeights& weights, size_t context) {
  const std::vector<std::string_view> lines = split_lines(chunk);
  if (lines.empty()) return {.first_line = first_line, .best_line = first_line, .text = {}};
  size_t best = 0;
  double most = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const double weight = weight_of(lines[i], weights);
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
