#include "code/grammars.h"

#include <algorithm>
#include <array>

#ifdef LODE_GRAMMARS
extern "C" {
const TSLanguage* tree_sitter_c();
const TSLanguage* tree_sitter_cpp();
const TSLanguage* tree_sitter_go();
const TSLanguage* tree_sitter_java();
const TSLanguage* tree_sitter_javascript();
const TSLanguage* tree_sitter_php();
const TSLanguage* tree_sitter_python();
const TSLanguage* tree_sitter_ruby();
const TSLanguage* tree_sitter_rust();
const TSLanguage* tree_sitter_tsx();
const TSLanguage* tree_sitter_typescript();
}
#endif

namespace lode::code {

#ifdef LODE_GRAMMARS
namespace {

template <size_t n, size_t m>
constexpr std::array<DefinitionRule, n + m> joined(const DefinitionRule (&first)[n],
                                                   const DefinitionRule (&second)[m]) {
  std::array<DefinitionRule, n + m> out{};
  std::ranges::copy(first, out.begin());
  std::ranges::copy(second, out.begin() + n);
  return out;
}

// Of rules for the same node the first that fits is taken.
constexpr DefinitionRule kC[] = {
    {.node = "function_definition", .kind = SymbolKind::function, .name_field = "declarator"},
    {.node = "struct_specifier", .kind = SymbolKind::struct_, .value_field = "body"},
    {.node = "union_specifier", .kind = SymbolKind::struct_, .value_field = "body"},
    {.node = "enum_specifier", .kind = SymbolKind::enum_, .value_field = "body"},
    {.node = "type_definition", .kind = SymbolKind::type, .name_field = "declarator"},
    {.node = "preproc_def", .kind = SymbolKind::macro},
    {.node = "preproc_function_def", .kind = SymbolKind::macro},
};
constexpr DefinitionRule kCppAlone[] = {
    {.node = "namespace_definition", .kind = SymbolKind::module},
    {.node = "class_specifier", .kind = SymbolKind::class_, .value_field = "body"},
    {.node = "concept_definition", .kind = SymbolKind::type},
    {.node = "alias_declaration", .kind = SymbolKind::type},
};
constexpr auto kCpp = joined(kC, kCppAlone);
constexpr DefinitionRule kGo[] = {
    {.node = "function_declaration", .kind = SymbolKind::function},
    {.node = "method_declaration", .kind = SymbolKind::method, .receiver_field = "receiver"},
    {.node = "type_spec", .kind = SymbolKind::struct_, .value_field = "type", .value_ending = "struct_type"},
    {.node = "type_spec", .kind = SymbolKind::interface, .value_field = "type", .value_ending = "interface_type"},
    {.node = "type_spec", .kind = SymbolKind::type},
    {.node = "const_spec", .kind = SymbolKind::constant, .outer_only = true},
    {.node = "var_spec", .kind = SymbolKind::constant, .outer_only = true},
};
constexpr DefinitionRule kJava[] = {
    {.node = "class_declaration", .kind = SymbolKind::class_},
    {.node = "interface_declaration", .kind = SymbolKind::interface},
    {.node = "annotation_type_declaration", .kind = SymbolKind::interface},
    {.node = "enum_declaration", .kind = SymbolKind::enum_},
    {.node = "record_declaration", .kind = SymbolKind::class_},
    {.node = "method_declaration", .kind = SymbolKind::method},
    {.node = "constructor_declaration", .kind = SymbolKind::method},
};
constexpr DefinitionRule kJavascript[] = {
    {.node = "function_declaration", .kind = SymbolKind::function},
    {.node = "generator_function_declaration", .kind = SymbolKind::function},
    {.node = "class_declaration", .kind = SymbolKind::class_},
    {.node = "method_definition", .kind = SymbolKind::method},
    {.node = "variable_declarator", .kind = SymbolKind::function, .value_field = "value", .value_ending = "function"},
    {.node = "variable_declarator",
     .kind = SymbolKind::function,
     .value_field = "value",
     .value_ending = "function_expression"},
    {.node = "variable_declarator", .kind = SymbolKind::class_, .value_field = "value", .value_ending = "class"},
    {.node = "variable_declarator", .kind = SymbolKind::constant, .outer_only = true},
    {.node = "field_definition",
     .kind = SymbolKind::method,
     .name_field = "property",
     .value_field = "value",
     .value_ending = "function"},
    {.node = "pair",
     .kind = SymbolKind::method,
     .name_field = "key",
     .value_field = "value",
     .value_ending = "function"},
    {.node = "pair",
     .kind = SymbolKind::method,
     .name_field = "key",
     .value_field = "value",
     .value_ending = "function_expression"},
};
constexpr DefinitionRule kPhp[] = {
    {.node = "namespace_definition", .kind = SymbolKind::module},
    {.node = "class_declaration", .kind = SymbolKind::class_},
    {.node = "interface_declaration", .kind = SymbolKind::interface},
    {.node = "trait_declaration", .kind = SymbolKind::interface},
    {.node = "enum_declaration", .kind = SymbolKind::enum_},
    {.node = "function_definition", .kind = SymbolKind::function},
    {.node = "method_declaration", .kind = SymbolKind::method},
};
constexpr DefinitionRule kPython[] = {
    {.node = "class_definition", .kind = SymbolKind::class_},
    {.node = "function_definition", .kind = SymbolKind::function},
    {.node = "assignment", .kind = SymbolKind::constant, .name_field = "left", .outer_only = true},
};
// Expressions hold no statements in Python.
constexpr std::string_view kPlainPython[] = {"argument_list",
                                             "assert_statement",
                                             "attribute",
                                             "augmented_assignment",
                                             "binary_operator",
                                             "boolean_operator",
                                             "call",
                                             "comparison_operator",
                                             "concatenated_string",
                                             "decorator",
                                             "delete_statement",
                                             "dictionary",
                                             "future_import_statement",
                                             "generator_expression",
                                             "import_from_statement",
                                             "import_statement",
                                             "lambda",
                                             "list",
                                             "list_comprehension",
                                             "not_operator",
                                             "parameters",
                                             "parenthesized_expression",
                                             "raise_statement",
                                             "return_statement",
                                             "string",
                                             "subscript",
                                             "tuple",
                                             "type",
                                             "unary_operator",
                                             "with_clause"};
constexpr DefinitionRule kRuby[] = {
    {.node = "module", .kind = SymbolKind::module},
    {.node = "class", .kind = SymbolKind::class_},
    {.node = "method", .kind = SymbolKind::method},
    {.node = "singleton_method", .kind = SymbolKind::method},
};
constexpr DefinitionRule kRust[] = {
    {.node = "mod_item", .kind = SymbolKind::module, .value_field = "body"},
    {.node = "struct_item", .kind = SymbolKind::struct_},
    {.node = "union_item", .kind = SymbolKind::struct_},
    {.node = "enum_item", .kind = SymbolKind::enum_},
    {.node = "trait_item", .kind = SymbolKind::interface},
    {.node = "impl_item", .kind = SymbolKind::class_, .name_field = "type"},
    {.node = "type_item", .kind = SymbolKind::type},
    {.node = "function_item", .kind = SymbolKind::function},
    {.node = "function_signature_item", .kind = SymbolKind::function},
    {.node = "const_item", .kind = SymbolKind::constant},
    {.node = "static_item", .kind = SymbolKind::constant},
    {.node = "macro_definition", .kind = SymbolKind::macro},
};
constexpr DefinitionRule kTypescriptAlone[] = {
    {.node = "interface_declaration", .kind = SymbolKind::interface},
    {.node = "type_alias_declaration", .kind = SymbolKind::type},
    {.node = "enum_declaration", .kind = SymbolKind::enum_},
    {.node = "abstract_class_declaration", .kind = SymbolKind::class_},
    {.node = "internal_module", .kind = SymbolKind::module},
    {.node = "module", .kind = SymbolKind::module},
    {.node = "public_field_definition", .kind = SymbolKind::method, .value_field = "value", .value_ending = "function"},
    {.node = "function_signature", .kind = SymbolKind::function},
};
constexpr auto kTypescript = joined(kJavascript, kTypescriptAlone);

}  // namespace

Grammar grammar_of(Language language) {
  switch (language) {
    case Language::c: return {tree_sitter_c(), kC};
    case Language::cpp: return {tree_sitter_cpp(), kCpp};
    case Language::go: return {tree_sitter_go(), kGo};
    case Language::java: return {tree_sitter_java(), kJava};
    case Language::javascript: return {tree_sitter_javascript(), kJavascript};
    case Language::php: return {tree_sitter_php(), kPhp};
    case Language::python: return {tree_sitter_python(), kPython, kPlainPython};
    case Language::ruby: return {tree_sitter_ruby(), kRuby};
    case Language::rust: return {tree_sitter_rust(), kRust};
    case Language::tsx: return {tree_sitter_tsx(), kTypescript};
    case Language::typescript: return {tree_sitter_typescript(), kTypescript};
    default: return {};
  }
}
#else
Grammar grammar_of(Language) {
  return {};
}
#endif

}  // namespace lode::code
