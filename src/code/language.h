// The languages that files are written in, known by their paths. Some have a grammar, and so an outline (outline.h);
// the others are names to filter by. Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lode::code {

// The values are stored in indexes: new ones come at the end.
enum class Language : uint8_t {
  text,  // whatever is none of the others
  markdown,
  restructured_text,
  c,
  cpp,
  go,
  java,
  javascript,
  php,
  python,
  ruby,
  rust,
  tsx,
  typescript,
  csharp,
  css,
  dart,
  elixir,
  haskell,
  html,
  json,
  kotlin,
  lua,
  make,
  perl,
  proto,
  r,
  scala,
  shell,
  sql,
  swift,
  toml,
  xml,
  yaml,
};
inline constexpr size_t kLanguages = static_cast<size_t>(Language::yaml) + 1;

// By file name, else by extension, in any letter case. A header `.h` is C++, whose grammar reads C too.
Language language_of(std::string_view path);

// "python".
std::string_view name_of(Language language);

// By name, other name ("py", "c++") or extension, in any letter case.
std::optional<Language> language_named(std::string_view name);

// What language_named knows, in lower case and each once: the names in the order of the languages, then the others.
std::vector<std::string_view> language_names();

}  // namespace lode::code
