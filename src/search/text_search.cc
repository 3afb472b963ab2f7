#include "search/text_search.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/excerpt.h"
#include "index/code_terms.h"
#include "index/word_break.h"
#include "search/snippet.h"

namespace lode::search {
namespace {

constexpr int64_t kMostRegexMemory = int64_t{32} << 20;

// In front of every regular expression: ^ and $ are a line's.
constexpr std::string_view kFlags = "(?m)";

// What ends a word whatever stands around it. Marks that join words, as in `a.b`, do not: what they join may be longer
// than a word is, and then be cut anywhere.
bool ends_words(char c) {
  constexpr std::string_view kBetweenWords = " \t\"()[]{}<>=+-*/%&|^~!?@#$\\`";
  return kBetweenWords.find(c) != std::string_view::npos;
}

// The words of a text that something stands around: a file with the text has them as words too.
std::vector<std::string> inner_terms(std::string_view text) {
  std::vector<std::string> out;
  index::WordReader words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto begin = static_cast<size_t>(word.data() - text.data()), end = begin + word.size();
    if (begin > 0 && end < text.size() && ends_words(text[begin - 1]) && ends_words(text[end])) {
      index::code_terms(word, out);
    }
  }
  return out;
}

// Whether an expression asks for carriage returns: has one as it is or as \r, \015, \x0d or \x{d}.
bool names_carriage_return(std::string_view expression) {
  static const RE2 escape(R"(^(?i:x0d|x\{0*d\}))");
  for (size_t at = 0; at < expression.size(); ++at) {
    if (expression[at] == '\r') return true;
    if (expression[at] != '\\') continue;
    const std::string_view rest = expression.substr(++at);
    if (rest.starts_with('r') || rest.starts_with('\r') || rest.starts_with("015")) return true;
    if (RE2::PartialMatch(re2::StringPiece(rest.data(), rest.size()), escape)) return true;
  }
  return false;
}

// A text whose lines end in LF where they ended in CR LF, so that $ stands before both.
struct PlainLines {
  std::string text;
  std::vector<size_t> cut;  // where in it a CR was, ascending

  explicit PlainLines(std::string_view original) {
    text.reserve(original.size());
    for (size_t at = 0; at < original.size();) {
      const size_t end = std::min(original.find("\r\n", at), original.size());
      text += original.substr(at, end - at);
      if (end < original.size()) cut.push_back(text.size());
      at = end + 1;
    }
  }
  [[nodiscard]] size_t original_place(size_t at) const {
    return at + static_cast<size_t>(std::ranges::lower_bound(cut, at) - cut.begin());
  }
};

// RE2's words for what is wrong, about the pattern as it was asked for. They end with the part of it that is wrong.
std::string complaint_of(const RE2& pattern) {
  std::string out = pattern.error();
  const std::string& part = pattern.error_arg();
  if (part == pattern.pattern() && part.starts_with(kFlags) && out.ends_with(part)) {
    out.erase(out.size() - part.size(), kFlags.size());
  }
  return out;
}

}  // namespace

Result<GramsOfTree*> TextSearch::grams() const {
  if (searcher_.shared_grams_ == nullptr) return nullptr;
  if (!searcher_.grams_) {
    LODE_ASSIGN(std::vector<ContentHash> contents, searcher_.reader_->content_hashes());
    searcher_.grams_.emplace(searcher_.shared_grams_, std::move(contents));
  }
  searcher_.grams_->refresh();
  return &*searcher_.grams_;
}

Result<std::vector<uint8_t>> TextSearch::candidates() const {
  const size_t n_contents = searcher_.source_.contents().size();
  std::vector<uint8_t> out(n_contents, 1);
  // In another letter case an identifier may fall into other parts.
  if (query_.mode != Mode::exact || query_.ignore_case || query_.text.find('\n') != std::string::npos) return out;
  for (const std::string& term : inner_terms(query_.text)) {
    std::vector<uint8_t> held(n_contents, 0);
    for (const index::Posting& posting : searcher_.source_.postings(term)) {
      held[searcher_.source_.chunk_contents()[posting.text]] = 1;
    }
    for (size_t i = 0; i < n_contents; ++i) out[i] &= held[i];
  }
  LODE_TRY(searcher_.source_.take_status());
  return out;
}

Result<SearchResult> TextSearch::run() {
  RE2::Options options(RE2::Quiet);
  options.set_literal(query_.mode == Mode::exact);
  options.set_case_sensitive(!query_.ignore_case);
  options.set_max_mem(kMostRegexMemory);
  options.set_never_nl(query_.mode == Mode::regex);
  const RE2 pattern(query_.mode == Mode::regex ? std::string(kFlags) + query_.text : query_.text, options);
  if (!pattern.ok()) {
    return fail(
        Code::invalid_argument,
        fmt::format("\"{}\" is no regular expression: {}", excerpt(query_.text), excerpt(complaint_of(pattern))),
        "The syntax is RE2's; the mode exact looks for the text as it is.");
  }
  const std::vector<uint8_t> allowed = searcher_.allowed(query_);
  LODE_ASSIGN(const std::vector<uint8_t> may_hold, candidates());
  LODE_ASSIGN(GramsOfTree* const known, grams());
  const bool at_plain_lines = query_.mode == Mode::regex && !names_carriage_return(query_.text);
  std::vector<uint32_t> wanted;
  if (query_.mode == Mode::exact) wanted = grams_of_text(query_.text, query_.ignore_case);
  SearchResult out;
  for (index::FileTree::FileId file = 0; file < searcher_.tree_.size(); ++file) {
    const index::ContentId place = searcher_.tree_.content(file);
    const auto files = searcher_.tree_.files_of(place);
    const auto first = std::ranges::find_if(files, [&](index::FileTree::FileId f) { return allowed[f] != 0; });
    if (allowed[file] == 0 || may_hold[place] == 0 || *first != file) continue;
    const TextGrams* const own = known != nullptr ? known->find(place) : nullptr;
    if (own != nullptr && !own->may_have(wanted)) continue;
    const ContentId id = searcher_.reader_->contents()[place];
    LODE_ASSIGN(const std::string stored, searcher_.reader_->text(id));
    if (known != nullptr && own == nullptr) known->learn(place, stored);
    std::optional<PlainLines> plain;
    if (at_plain_lines && stored.find("\r\n") != std::string::npos) plain.emplace(stored);
    const std::string& text = plain ? plain->text : stored;
    std::optional<Content> content;
    uint32_t line = 1;
    size_t counted = 0;  // lines are counted up to here
    re2::StringPiece found;
    for (size_t at = 0; at <= text.size() && pattern.Match(text, at, text.size(), RE2::UNANCHORED, &found, 1);) {
      const auto begin = static_cast<size_t>(found.data() - text.data());
      line += static_cast<uint32_t>(std::count(text.begin() + static_cast<ptrdiff_t>(counted),
                                               text.begin() + static_cast<ptrdiff_t>(begin), '\n'));
      counted = begin;
      const size_t line_end =
          std::min(text.find('\n', std::max(begin, begin + found.size() - (found.empty() ? 0 : 1))), text.size());
      at = line_end + 1;
      // After the last line there is none.
      if (begin == text.size() && text.ends_with('\n')) break;
      if (!content) {
        LODE_ASSIGN(content, searcher_.reader_->content(id));
      }
      const size_t place_in_file = plain ? plain->original_place(begin) : begin;
      int32_t symbol = -1;
      for (size_t i = 0; i < content->outline.symbols.size(); ++i) {
        const code::Symbol& one = content->outline.symbols[i];
        if (one.begin <= place_in_file && one.end > place_in_file) symbol = static_cast<int32_t>(i);
      }
      if (!query_.kinds.empty()) {
        if (symbol < 0) continue;
        const code::SymbolKind kind = content->outline.symbols[static_cast<size_t>(symbol)].kind;
        if (std::ranges::find(query_.kinds, kind) == query_.kinds.end()) continue;
      }
      ++out.n_found;
      if (out.hits.size() >= query_.n_hits) continue;
      Hit hit;
      hit.path = searcher_.tree_.path(file);
      hit.language = content->language;
      hit.first_line = line;
      hit.last_line = line + static_cast<uint32_t>(std::ranges::count(found, '\n'));
      hit.score = 1;
      if (symbol >= 0) {
        hit.symbol = code::qualified_name(content->outline.symbols, symbol);
        hit.kind = code::name_of(content->outline.symbols[static_cast<size_t>(symbol)].kind);
      }
      hit.why.emplace_back(query_.mode == Mode::exact ? "holds the text" : "matches");
      Snippet snippet = lines_around(stored, hit.first_line, hit.last_line, query_.context.value_or(0));
      hit.snippet_line = snippet.first_line;
      hit.snippet = std::move(snippet.text);
      for (const index::FileTree::FileId other : files) {
        if (other != file) hit.copies.push_back(searcher_.tree_.path(other));
      }
      out.hits.push_back(std::move(hit));
    }
  }
  return out;
}

}  // namespace lode::search
