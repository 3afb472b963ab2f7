// The grammars that this binary was built with and which of their nodes define something. For outline.cc alone.
#pragma once

#include <span>
#include <string_view>

#include <tree_sitter/api.h>

#include "code/language.h"
#include "code/outline.h"

namespace lode::code {

// A node of this type defines a symbol of this kind.
struct DefinitionRule {
  std::string_view node;
  SymbolKind kind{};
  std::string_view name_field = "name";
  // Only where this field holds a node whose type ends so: `name = function` of JavaScript.
  std::string_view value_field{};
  std::string_view value_ending{};
  // That says whose method it is: Go's receivers.
  std::string_view receiver_field{};
  // Only outside of functions: what a module or class sets, not what a function sets for itself.
  bool outer_only = false;
};

struct Grammar {
  const TSLanguage* language = nullptr;
  std::span<const DefinitionRule> rules;
  // Node types within which nothing is ever defined, so that a walk can pass over the bulk of a tree.
  std::span<const std::string_view> plain{};
};

// language is null where there is none.
Grammar grammar_of(Language language);

}  // namespace lode::code
