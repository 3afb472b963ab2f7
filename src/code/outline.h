// What a source file defines: its symbols, from tree-sitter's syntax trees (Markdown's headings from its lines). A file
// that is not whole or not of its language still has the symbols that can be made out. Without a grammar for the
// language there are none. Pure but for one parser a thread, which is kept; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "code/language.h"

namespace lode::code {

// The values are stored in indexes: new ones come at the end.
enum class SymbolKind : uint8_t {
  module,     // a namespace, module or package
  class_,     // also traits' and classes' bodies elsewhere: Rust's impl
  interface,  // also a trait
  struct_,    // also a union
  enum_,
  type,  // an alias
  function,
  method,
  constant,  // of a module or class
  macro,
  heading,
};
inline constexpr size_t kSymbolKinds = static_cast<size_t>(SymbolKind::heading) + 1;

// "function", "class" ...
std::string_view name_of(SymbolKind kind);
std::span<const std::string_view> kind_names();  // by their values
std::optional<SymbolKind> kind_named(std::string_view name);
// Whether what it holds is told apart from it: a class, but not a function.
bool is_container(SymbolKind kind);

struct Symbol {
  std::string name;
  SymbolKind kind = SymbolKind::function;
  uint32_t begin = 0;  // bytes: with decorators and the comment in front of it
  uint32_t end = 0;
  uint32_t name_at = 0;   // the byte where its name begins
  uint32_t line = 0;      // of its name, from 1
  uint32_t end_line = 0;  // its last
  int32_t parent = -1;    // the symbol that encloses it, before it in the list
  // What its definition names as its holder, where that is elsewhere: "index.Lexicon" of C++'s `index::Lexicon::count`,
  // "Server" of Go's `func (s *Server) Serve`. Otherwise empty.
  std::string scope{};
};

// By begin, an enclosing symbol before those within. `text` need not be UTF-8.
std::vector<Symbol> outline(Language language, std::string_view text);

// The definition's head without its body, in one line of at most `max_bytes`: "def parse(self, text)".
std::string signature(std::string_view text, const Symbol& symbol, size_t max_bytes = 160);

// "Parser.parse" of a method of a class, joined by dots in every language.
std::string qualified_name(const std::vector<Symbol>& symbols, int32_t symbol);

}  // namespace lode::code
