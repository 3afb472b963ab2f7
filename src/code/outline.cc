#include "code/outline.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "code/grammars.h"
#include "code/headings.h"

namespace lode::code {
namespace {

constexpr uint64_t kMostMicroseconds =
    5'000'000;  // for a file: what takes longer is not source, whatever its name says
constexpr size_t kMostNameBytes = 200;
constexpr size_t kMostDepth = 2000;  // of a syntax tree; what is deeper is passed over

struct NodeType {
  std::vector<const DefinitionRule*> rules;
  bool is_comment = false;  // or an attribute: what stands in front of a definition and belongs to it
  bool is_wrapper = false;  // a definition within it is all that it is there for
  bool is_plain = false;    // nothing within it defines anything
};

// What each node type of a language means, by its number.
struct NodeTypes {
  const TSLanguage* language = nullptr;
  std::vector<NodeType> types;

  explicit NodeTypes(const Grammar& grammar) : language(grammar.language) {
    constexpr std::array<std::string_view, 7> kWrappers = {
        "decorated_definition", "export_statement",     "template_declaration", "type_declaration",
        "lexical_declaration",  "variable_declaration", "expression_statement"};
    types.resize(ts_language_symbol_count(language));
    for (size_t i = 0; i < types.size(); ++i) {
      const auto number = static_cast<TSSymbol>(i);
      if (ts_language_symbol_type(language, number) != TSSymbolTypeRegular) continue;
      const std::string_view name = ts_language_symbol_name(language, number);
      types[i].is_comment = name.ends_with("comment") || name == "attribute_item";
      types[i].is_wrapper = std::ranges::find(kWrappers, name) != kWrappers.end();
      types[i].is_plain = std::ranges::find(grammar.plain, name) != grammar.plain.end();
      for (const DefinitionRule& rule : grammar.rules) {
        if (rule.node == name) types[i].rules.push_back(&rule);
      }
    }
  }
};

// A parser and what is known of the language that it was last set to: one a thread, for both are costly to make.
class Parser {
 public:
  // Null where the file takes too long.
  TSTree* parse(const Grammar& grammar, std::string_view text) {
    if (!types_ || types_->language != grammar.language) {
      if (!ts_parser_set_language(parser_.get(), grammar.language)) return nullptr;
      types_.emplace(grammar);
    }
    ts_parser_set_timeout_micros(parser_.get(), kMostMicroseconds);
    TSTree* const tree =
        ts_parser_parse_string(parser_.get(), nullptr, text.data(), static_cast<uint32_t>(text.size()));
    if (tree == nullptr) ts_parser_reset(parser_.get());
    return tree;
  }
  [[nodiscard]] const NodeTypes& types() const { return *types_; }

 private:
  struct Delete {
    void operator()(TSParser* parser) const { ts_parser_delete(parser); }
  };
  std::unique_ptr<TSParser, Delete> parser_{ts_parser_new()};
  std::optional<NodeTypes> types_;
};

std::string_view type_of(TSNode node) {
  return ts_node_is_null(node) ? std::string_view() : std::string_view(ts_node_type(node));
}

TSNode field(TSNode node, std::string_view name) {
  return ts_node_child_by_field_name(node, name.data(), static_cast<uint32_t>(name.size()));
}

std::string_view text_of(TSNode node, std::string_view text) {
  const uint32_t from = ts_node_start_byte(node), to = ts_node_end_byte(node);
  return to <= text.size() && from < to ? text.substr(from, to - from) : std::string_view();
}

// The node that holds nothing but the name, within what a name's field holds: C's declarators, paths, generic types.
// What stands in front of the name in a path goes to `scope`, joined by dots.
TSNode innermost_name(TSNode node, std::string_view text, std::string& scope) {
  for (size_t depth = 0; depth < kMostDepth && !ts_node_is_null(node); ++depth) {
    const std::string_view type = type_of(node);
    TSNode next{};
    if (type.ends_with("declarator")) {
      next = field(node, "declarator");
      if (ts_node_is_null(next)) next = ts_node_named_child(node, 0);
    } else if (type == "qualified_identifier" || type == "scoped_type_identifier" || type == "template_function" ||
               type == "template_type") {
      next = field(node, "name");
      TSNode around = field(node, "scope");
      if (type_of(around) == "template_type") around = field(around, "name");
      if (!ts_node_is_null(around) && scope.size() < kMostNameBytes) {
        const std::string_view name = text_of(around, text).substr(0, kMostNameBytes);
        if (!scope.empty() && !name.empty()) scope += '.';
        scope += name;
      }
    } else if (type == "generic_type") {
      next = field(node, "type");
    }
    if (ts_node_is_null(next)) return node;
    node = next;
  }
  return node;
}

// The type that a method's receiver has: "Server" of Go's `(s *Server[T])`.
std::string_view receiver_type(TSNode receiver, std::string_view text) {
  TSNode node = ts_node_named_child(receiver, 0);
  for (size_t depth = 0; depth < kMostDepth && !ts_node_is_null(node); ++depth) {
    if (type_of(node) == "type_identifier") return text_of(node, text).substr(0, kMostNameBytes);
    const TSNode type = field(node, "type");
    node = ts_node_is_null(type) ? ts_node_named_child(node, 0) : type;
  }
  return {};
}

bool is_name(TSNode node) {
  const std::string_view type = type_of(node);
  return type.ends_with("identifier") || type.ends_with("name") || type == "constant" || type == "operator" ||
         type == "setter" || type == "primitive_type" || type == "nested_namespace_specifier" || type == "string";
}

class Walk {
 public:
  Walk(const NodeTypes& types, std::string_view text) : types_(types), text_(text) {}

  std::vector<Symbol> symbols(TSTree* tree) {
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(tree));
    levels_.push_back({});
    for (bool more = true; more;) {
      const bool is_plain = enter(ts_tree_cursor_current_node(&cursor));
      if (!is_plain && levels_.size() < kMostDepth && ts_tree_cursor_goto_first_child(&cursor)) {
        levels_.push_back({});
        continue;
      }
      leave();
      while (!(more = ts_tree_cursor_goto_next_sibling(&cursor)) && ts_tree_cursor_goto_parent(&cursor)) {
        levels_.pop_back();
        leave();
      }
    }
    ts_tree_cursor_delete(&cursor);
    return std::move(symbols_);
  }

 private:
  // Where the walk is on one level of the tree.
  struct Level {
    uint32_t lead = 0;  // where what belongs to the current node begins
    bool is_wrapper = false;
    bool is_used = false;  // the wrapper has had its definition
    int32_t symbol = -1;   // that the current node defines
    // Of the comments right before the current node.
    uint32_t comments = 0;
    bool has_comments = false;
    uint32_t last_row = 0;  // where the node before ends
    bool has_last = false;
  };

  // -> whether it can be passed over
  bool enter(TSNode node) {
    const NodeType& type = types_.types[std::min<size_t>(ts_node_symbol(node), types_.types.size() - 1)];
    const uint32_t begin = ts_node_start_byte(node), row = ts_node_start_point(node).row;
    Level& level = levels_.back();
    level.is_wrapper = type.is_wrapper;
    level.is_used = false;
    level.symbol = -1;
    const bool continues = level.has_comments && row <= level.last_row + 1;
    if (type.is_comment) {
      // One behind code, on the same line, belongs to that.
      const bool is_own_line = !level.has_last || level.last_row < row || level.has_comments;
      if (!continues) level.comments = begin;
      level.has_comments = is_own_line;
      level.lead = begin;
    } else {
      level.lead = continues ? level.comments : begin;
      // What a wrapper has in front belongs to the first definition in it.
      if (const Level* outer = wrapper(); outer != nullptr && !outer->is_used) level.lead = outer->lead;
      level.has_comments = false;
      for (const DefinitionRule* rule : type.rules) {
        if (define(node, *rule)) break;
      }
    }
    level.last_row = ts_node_end_point(node).row;
    level.has_last = true;
    return type.is_plain;
  }

  void leave() {
    Level& level = levels_.back();
    if (level.symbol >= 0) enclosing_.pop_back();
    level.symbol = -1;
  }

  // The node around the current one, where it is a wrapper.
  Level* wrapper() {
    if (levels_.size() < 2) return nullptr;
    Level& outer = levels_[levels_.size() - 2];
    return outer.is_wrapper ? &outer : nullptr;
  }

  bool define(TSNode node, const DefinitionRule& rule) {
    if (rule.outer_only && !enclosing_.empty() && !is_container(symbols_[enclosing_.back()].kind)) return false;
    if (!rule.value_field.empty()) {
      const TSNode value = field(node, rule.value_field);
      if (ts_node_is_null(value) || !type_of(value).ends_with(rule.value_ending)) return false;
    }
    Symbol symbol;
    const TSNode name = innermost_name(field(node, rule.name_field), text_, symbol.scope);
    if (!is_name(name)) return false;
    symbol.name = text_of(name, text_);
    if (symbol.name.empty() || symbol.name.size() > kMostNameBytes) return false;
    if (!rule.receiver_field.empty()) symbol.scope = receiver_type(field(node, rule.receiver_field), text_);
    symbol.kind = rule.kind;
    symbol.parent = enclosing_.empty() ? -1 : enclosing_.back();
    if (symbol.kind == SymbolKind::function && symbol.parent >= 0) {
      const SymbolKind around = symbols_[symbol.parent].kind;
      if (is_container(around) && around != SymbolKind::module) symbol.kind = SymbolKind::method;
    }
    // A definition elsewhere than in its class is a class's far more often than a namespace's.
    if (symbol.kind == SymbolKind::function && !symbol.scope.empty()) symbol.kind = SymbolKind::method;
    symbol.begin = levels_.back().lead;
    symbol.end = ts_node_end_byte(node);
    symbol.name_at = ts_node_start_byte(name);
    symbol.line = ts_node_start_point(name).row + 1;
    const TSPoint last = ts_node_end_point(node);
    symbol.end_line = std::max(symbol.line, last.column == 0 ? last.row : last.row + 1);
    for (size_t i = levels_.size() - 1; i-- > 0 && levels_[i].is_wrapper;) levels_[i].is_used = true;
    levels_.back().symbol = static_cast<int32_t>(symbols_.size());
    enclosing_.push_back(levels_.back().symbol);
    symbols_.push_back(std::move(symbol));
    return true;
  }

  const NodeTypes& types_;
  std::string_view text_;
  std::vector<Level> levels_;
  std::vector<int32_t> enclosing_;
  std::vector<Symbol> symbols_;
};

}  // namespace

std::span<const std::string_view> kind_names() {
  static constexpr std::array<std::string_view, kSymbolKinds> kNames = {
      "module", "class", "interface", "struct", "enum", "type", "function", "method", "constant", "macro", "heading"};
  return kNames;
}

std::string_view name_of(SymbolKind kind) {
  return kind_names()[static_cast<size_t>(kind)];
}

std::optional<SymbolKind> kind_named(std::string_view name) {
  const auto found = std::ranges::find(kind_names(), name);
  if (found == kind_names().end()) return std::nullopt;
  return static_cast<SymbolKind>(found - kind_names().begin());
}

bool is_container(SymbolKind kind) {
  return kind == SymbolKind::module || kind == SymbolKind::class_ || kind == SymbolKind::interface ||
         kind == SymbolKind::struct_ || kind == SymbolKind::enum_ || kind == SymbolKind::heading;
}

std::vector<Symbol> outline(Language language, std::string_view text) {
  if (language == Language::markdown || language == Language::restructured_text) return headings(language, text);
  const Grammar grammar = grammar_of(language);
  if (grammar.language == nullptr || text.size() > UINT32_MAX / 2) return {};
  thread_local Parser parser;
  TSTree* const tree = parser.parse(grammar, text);
  if (tree == nullptr) return {};
  std::vector<Symbol> out = Walk(parser.types(), text).symbols(tree);
  ts_tree_delete(tree);
  return out;
}

std::string signature(std::string_view text, const Symbol& symbol, size_t max_bytes) {
  if (symbol.name_at >= text.size()) return {};
  size_t at = symbol.name_at == 0 ? 0 : text.find_last_of('\n', symbol.name_at - 1) + 1;  // npos + 1 is 0
  std::string out;
  int depth = 0;
  for (; at < std::min<size_t>(symbol.end, text.size()) && out.size() < max_bytes; ++at) {
    const char c = text[at];
    if (c == '{' || (c == '\n' && depth <= 0 && !out.empty())) break;
    depth += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_space) out += c;
    if (is_space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == ':')) out.pop_back();
  return out;
}

std::string qualified_name(const std::vector<Symbol>& symbols, int32_t symbol) {
  std::string out;
  for (size_t depth = 0; symbol >= 0 && depth < kMostDepth; ++depth) {
    const Symbol& here = symbols[static_cast<size_t>(symbol)];
    out = out.empty() ? here.name : here.name + "." + out;
    if (!here.scope.empty()) out = here.scope + "." + out;
    symbol = here.parent;
  }
  return out;
}

}  // namespace lode::code
