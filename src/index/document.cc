#include "index/document.h"

#include <algorithm>

#include "index/code_terms.h"
#include "index/line_chunker.h"
#include "index/word_break.h"
#include "text/utf8.h"

namespace lode::index {
namespace {

// Where a chunk may begin: the lines where definitions of a file, or of its classes, begin.
std::vector<uint32_t> seams(std::string_view text, const std::vector<code::Symbol>& symbols) {
  std::vector<uint32_t> out = {0};
  for (const code::Symbol& symbol : symbols) {
    const bool is_outer = symbol.parent < 0 || code::is_container(symbols[static_cast<size_t>(symbol.parent)].kind);
    if (!is_outer || symbol.kind == code::SymbolKind::constant || symbol.begin >= text.size()) continue;
    const size_t line = symbol.begin == 0 ? 0 : text.find_last_of('\n', symbol.begin - 1) + 1;  // npos + 1 is 0
    if (line > out.back()) out.push_back(static_cast<uint32_t>(line));
  }
  return out;
}

// The innermost symbol that holds all of [begin, end), or else the first that begins there.
int32_t symbol_of(const std::vector<code::Symbol>& symbols, uint32_t begin, uint32_t end) {
  int32_t holding = -1, first = -1;
  for (size_t i = 0; i < symbols.size() && symbols[i].begin < end; ++i) {
    if (symbols[i].begin <= begin && symbols[i].end >= end) holding = static_cast<int32_t>(i);
    if (symbols[i].begin >= begin && first < 0 && symbols[i].kind != code::SymbolKind::constant) {
      first = static_cast<int32_t>(i);
    }
  }
  return first >= 0 ? first : holding;
}

}  // namespace

Document read_document(std::string_view path, std::string_view text, const DocumentOptions& options) {
  Document out;
  out.language = code::language_of(path);
  out.symbols = code::outline(out.language, text);
  if (text.empty()) return out;

  // Definitions, the small ones joined; a chunk that holds a class's head does not reach back before it.
  std::vector<uint32_t> begins = seams(text, out.symbols);
  begins.push_back(static_cast<uint32_t>(text.size()));
  std::vector<uint32_t> cuts = {0};
  for (size_t i = 1; i + 1 < begins.size(); ++i) {
    const bool is_small = begins[i] - cuts.back() < options.min_bytes;
    const bool fits = begins[i + 1] - cuts.back() <= options.max_bytes;
    if (!(is_small && fits)) cuts.push_back(begins[i]);
  }
  cuts.push_back(static_cast<uint32_t>(text.size()));

  uint32_t line = 1;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::string_view piece = text.substr(cuts[i], cuts[i + 1] - cuts[i]);
    for (const std::string_view lines : line_chunks(piece, {.max_bytes = options.max_bytes})) {
      Chunk chunk;
      chunk.begin = static_cast<uint32_t>(lines.data() - text.data());
      chunk.end = chunk.begin + static_cast<uint32_t>(lines.size());
      chunk.first_line = line;
      line += static_cast<uint32_t>(std::ranges::count(lines, '\n'));
      chunk.last_line = lines.ends_with('\n') ? line - 1 : line;
      // A definition ends before the line's end that a chunk has.
      const size_t last = lines.find_last_not_of(" \t\r\n");
      const size_t n_held = last == std::string_view::npos ? lines.size() : last + 1;
      chunk.symbol = symbol_of(out.symbols, chunk.begin, chunk.begin + static_cast<uint32_t>(n_held));
      out.chunks.push_back(chunk);
    }
  }
  return out;
}

std::vector<Counts> count_chunks(std::string_view text, const Document& document, Lexicon& lexicon) {
  std::vector<Counts> out;
  std::vector<std::string> terms;
  size_t next = 0;  // symbol, by its name's place
  std::vector<const code::Symbol*> symbols;
  for (const code::Symbol& symbol : document.symbols) symbols.push_back(&symbol);
  std::ranges::sort(symbols, {}, &code::Symbol::name_at);
  for (const Chunk& chunk : document.chunks) {
    const text::utf8::Repaired repaired(text.substr(chunk.begin, chunk.end - chunk.begin));
    out.push_back(lexicon.count(repaired.text()));
    for (; next < symbols.size() && symbols[next]->name_at < chunk.end; ++next) {
      const text::utf8::Repaired name(symbols[next]->name);
      terms.clear();
      WordReader words(name.text());
      for (std::string_view word = words.next(); !word.empty(); word = words.next()) code_terms(word, terms);
      for (const std::string& term : terms) lexicon.add(std::string(kDefinedMark) + term, out.back());
    }
  }
  return out;
}

std::string chunk_text(std::string_view path, std::string_view text, const Document& document, const Chunk& chunk) {
  std::string out(path);
  if (chunk.symbol >= 0) {
    const code::Symbol& symbol = document.symbols[static_cast<size_t>(chunk.symbol)];
    // Of a definition that begins here its own head says what it is.
    const int32_t around = symbol.begin >= chunk.begin ? symbol.parent : chunk.symbol;
    if (around >= 0) out += " " + code::qualified_name(document.symbols, around);
  }
  out += '\n';
  out += text.substr(chunk.begin, chunk.end - chunk.begin);
  return std::string(text::utf8::Repaired(out).text());
}

}  // namespace lode::index
