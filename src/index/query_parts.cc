#include "index/query_parts.h"

#include <algorithm>
#include <unordered_map>

#include "code/language.h"
#include "text/utf8.h"

namespace lode::index {
namespace {

constexpr size_t kMostNamed = 4096;  // identifiers, paths and modules that are looked at, of each kind

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// What IPython writes behind the path of a frame: " in run(x)" or " in <module>".
bool is_ipython_frame(std::string_view rest) {
  constexpr std::string_view kIn = " in ";
  if (!rest.starts_with(kIn)) return false;
  rest.remove_prefix(kIn.size());
  if (rest.starts_with("<module>")) return true;
  const auto end = std::ranges::find_if_not(rest, [](char c) { return is_letter(c) || is_ascii_digit(c); });
  return end != rest.begin() && end != rest.end() && *end == '(';
}

bool looks_like_a_name(std::string_view name) {
  if (name.find('_') != std::string_view::npos) return true;
  bool capital_within = false, small = false, digit = false;
  for (size_t i = 0; i < name.size(); ++i) {
    capital_within |= i > 0 && name[i] >= 'A' && name[i] <= 'Z';
    small |= name[i] >= 'a' && name[i] <= 'z';
    digit |= is_ascii_digit(name[i]);
  }
  return (capital_within && small) || digit;
}

class Taker {
 public:
  explicit Taker(QueryParts& out) : out_(out) {}

  // Each character of a line goes to prose or to code.
  void line(std::string_view line, bool is_code, bool is_title) {
    if (is_code) {
      out_.code.append(line).push_back('\n');
      names(line, true, false);
    } else {
      // What stands in backquotes is code, and prose goes on around it.
      out_.prose.append(line).push_back('\n');
      size_t at = 0;
      while (at < line.size()) {
        const size_t open = std::min(line.find('`', at), line.size());
        names(line.substr(at, open - at), false, is_title);
        if (open == line.size()) break;
        const size_t first = std::min(line.find_first_not_of('`', open), line.size());
        const size_t close = std::min(line.find('`', first), line.size());
        const std::string_view quoted = line.substr(first, close - first);
        if (close < line.size()) out_.code.append(quoted).push_back('\n');
        names(quoted, close < line.size(), is_title);
        at = std::min(line.find_first_not_of('`', close), line.size());
      }
    }
    places(line);
  }

 private:
  void names(std::string_view text, bool in_code, bool in_title) {
    for (size_t at = 0; at < text.size();) {
      if (!is_letter(text[at])) {
        // A number, with what sticks to it, is no name.
        if (is_ascii_digit(text[at])) {
          while (at < text.size() && (is_letter(text[at]) || is_ascii_digit(text[at]))) ++at;
        } else {
          ++at;
        }
        continue;
      }
      size_t end = at;
      while (end < text.size() && (is_letter(text[end]) || is_ascii_digit(text[end]))) ++end;
      if (end - at >= 2) name(text.substr(at, end - at), in_code, in_title);
      at = end;
    }
  }

  void name(std::string_view word, bool in_code, bool in_title) {
    const auto [found, is_new] = known_.try_emplace(std::string(word), out_.identifiers.size());
    if (is_new) {
      if (out_.identifiers.size() == kMostNamed) return;
      out_.identifiers.push_back({.name = std::string(word), .is_marked = looks_like_a_name(word)});
    }
    if (found->second >= out_.identifiers.size()) return;
    NamedIdentifier& named = out_.identifiers[found->second];
    ++named.n;
    named.in_code |= in_code;
    named.in_title |= in_title;
  }

  // Paths, dotted names and frames: what stands between characters that are in none of them.
  void places(std::string_view line) {
    const auto is_part = [](char c) {
      return is_letter(c) || is_ascii_digit(c) || c == '.' || c == '/' || c == '\\' || c == '-' || c == '~' || c == '@';
    };
    for (size_t at = 0; at < line.size();) {
      if (!is_part(line[at])) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < line.size() && is_part(line[end])) ++end;
      std::string_view token = line.substr(at, end - at);
      const std::string_view rest = line.substr(end);
      at = end;
      while (token.ends_with('.') || token.ends_with('-') || token.ends_with('/')) token.remove_suffix(1);
      place(token, rest);
    }
  }

  void place(std::string_view token, std::string_view rest) {
    if (token.size() < 3) return;
    const bool has_language = code::language_of(token) != code::Language::text;
    const bool has_slash = token.find_first_of("/\\") != std::string_view::npos;
    if (has_language || has_slash) {
      std::string path(token);
      std::ranges::replace(path, '\\', '/');
      const bool is_frame =
          has_language && (rest.starts_with("\", line ") || rest.starts_with("', line ") ||
                           (rest.size() > 1 && rest[0] == ':' && is_ascii_digit(rest[1])) || is_ipython_frame(rest));
      if (is_frame && out_.frames.size() < kMostNamed) out_.frames.push_back(path);
      if (out_.paths.size() < kMostNamed) out_.paths.push_back(std::move(path));
    }
    const size_t dot = token.find('.');
    if (!has_slash && dot != std::string_view::npos && dot > 0 && out_.modules.size() < kMostNamed) {
      out_.modules.emplace_back(token);
    }
  }

  QueryParts& out_;
  std::unordered_map<std::string, size_t> known_;
};

// Comments of HTML outside of fenced code: what a form tells those who fill it in. A text that is nothing else stays.
std::string without_comments(std::string_view text) {
  constexpr std::string_view kOpen = "<!--", kClose = "-->";
  if (text.find(kOpen) == std::string_view::npos) return std::string(text);
  std::string out;
  bool is_fenced = false;
  for (size_t at = 0; at < text.size();) {
    if (at == 0 || text[at - 1] == '\n') {
      const std::string_view line = text.substr(std::min(text.find_first_not_of(" \t", at), text.size()));
      is_fenced ^= line.starts_with("```") || line.starts_with("~~~");
    }
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view rest = text.substr(at, end - at);  // of this line
    const size_t open = at + std::min(is_fenced ? rest.size() : rest.find(kOpen), rest.size());
    out += text.substr(at, open - at);
    at = open;
    if (open == end) continue;
    const size_t close = text.find(kClose, open + kOpen.size());
    if (close == std::string_view::npos) {
      out += text.substr(open);
      break;
    }
    at = close + kClose.size();
  }
  return out.find_first_not_of(" \t\r\n") == std::string::npos ? std::string(text) : out;
}

void keep_distinct(std::vector<std::string>& list) {
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
}

}  // namespace

QueryParts take_apart(std::string_view query) {
  QueryParts out;
  out.all = without_comments(text::utf8::Repaired(query).text());
  Taker taker(out);
  bool is_fenced = false, was_blank = true, was_indented = false;
  for (size_t at = 0; at < out.all.size();) {
    const size_t end = std::min(out.all.find('\n', at), out.all.size());
    const std::string_view line = std::string_view(out.all).substr(at, end - at);
    at = end + 1;
    const std::string_view words = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
    if (words.starts_with("```") || words.starts_with("~~~")) {
      is_fenced = !is_fenced;
      was_blank = false;
      continue;
    }
    const bool is_indented = line.starts_with("    ") || line.starts_with('\t');
    const bool is_prompt = words.starts_with(">>> ") || words.starts_with("$ ") || words.starts_with("In [");
    const bool is_title = out.title.empty() && !is_blank(line);
    const bool is_code = !is_title && (is_fenced || is_prompt || (is_indented && (was_blank || was_indented)));
    if (is_title) out.title = line;
    was_indented = is_indented && is_code;
    was_blank = is_blank(line);
    if (!was_blank) taker.line(line, is_code, is_title);
  }
  keep_distinct(out.paths);
  keep_distinct(out.modules);
  return out;
}

}  // namespace lode::index
