#include "code/headings.h"

#include <algorithm>
#include <string>

namespace lode::code {
namespace {

constexpr size_t kMostHeadingBytes = 200;

struct Line {
  size_t begin = 0;
  std::string_view text;  // without its end
};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// 1 to 6 of `### Title`, else 0.
int hash_level(std::string_view line) {
  const size_t n = std::min(line.find_first_not_of('#'), line.size());
  return n >= 1 && n <= 6 && n < line.size() && (line[n] == ' ' || line[n] == '\t') ? static_cast<int>(n) : 0;
}

// The character that underlines: the same punctuation from the line's start to its end, three or more.
char underline(std::string_view line, Language language) {
  line = trimmed(line);
  constexpr std::string_view kAny = "=-~^\"'`#*+.:_", kMarkdown = "=-";
  if (line.size() < 3) return 0;
  const std::string_view kinds = language == Language::markdown ? kMarkdown : kAny;
  const bool is_one = kinds.find(line[0]) != std::string_view::npos && line.find_first_not_of(line[0]) == line.npos;
  return is_one ? line[0] : static_cast<char>(0);
}

class Reader {
 public:
  Reader(Language language, std::string_view text) : language_(language), text_(text) {}

  std::vector<Symbol> read() {
    Line before;
    uint32_t number = 0;
    bool is_fenced = false;
    for (size_t at = 0; at < text_.size();) {
      const size_t end = std::min(text_.find('\n', at), text_.size());
      const Line line{at, text_.substr(at, end - at)};
      ++number;
      at = end + 1;
      const std::string_view words = trimmed(line.text);
      if (language_ == Language::markdown && (words.starts_with("```") || words.starts_with("~~~"))) {
        is_fenced = !is_fenced;
      } else if (!is_fenced) {
        const int level = language_ == Language::markdown ? hash_level(line.text) : 0;
        const std::string_view above = trimmed(before.text);
        if (level > 0) {
          std::string_view title = words.substr(static_cast<size_t>(level));
          while (title.ends_with('#')) title.remove_suffix(1);
          add(trimmed(title), level, line.begin, line.begin, number);
        } else if (const char kind = underline(line.text, language_);
                   kind != 0 && above.size() > 1 && words.size() >= above.size() && underline(above, language_) == 0) {
          add(above, level_of(kind), before.begin, before.begin, number - 1);
        }
      }
      before = is_fenced ? Line{} : line;
    }
    close(0, text_.size(), number);
    return std::move(symbols_);
  }

 private:
  struct Open {
    int level;
    int32_t symbol;
  };

  // Underlines rank in the order in which a text first uses them; Markdown's have fixed ranks.
  int level_of(char kind) {
    if (language_ == Language::markdown) return kind == '=' ? 1 : 2;
    if (kinds_.find(kind) == std::string::npos) kinds_ += kind;
    return static_cast<int>(kinds_.find(kind)) + 1;
  }

  // Ends all that is open from `level` on.
  void close(int level, size_t end, uint32_t end_line) {
    while (!open_.empty() && open_.back().level >= level) {
      symbols_[open_.back().symbol].end = static_cast<uint32_t>(end);
      symbols_[open_.back().symbol].end_line = std::max(symbols_[open_.back().symbol].line, end_line);
      open_.pop_back();
    }
  }

  void add(std::string_view title, int level, size_t begin, size_t name_at, uint32_t line) {
    if (title.empty()) return;
    close(level, begin, line - 1);
    Symbol symbol;
    symbol.name = title.substr(0, kMostHeadingBytes);
    symbol.kind = SymbolKind::heading;
    symbol.begin = static_cast<uint32_t>(begin);
    symbol.name_at = static_cast<uint32_t>(name_at);
    symbol.line = line;
    symbol.parent = open_.empty() ? -1 : open_.back().symbol;
    open_.push_back({level, static_cast<int32_t>(symbols_.size())});
    symbols_.push_back(std::move(symbol));
  }

  Language language_;
  std::string_view text_;
  std::string kinds_;
  std::vector<Open> open_;
  std::vector<Symbol> symbols_;
};

}  // namespace

std::vector<Symbol> headings(Language language, std::string_view text) {
  return Reader(language, text).read();
}

}  // namespace lode::code
