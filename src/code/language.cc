#include "code/language.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace lode::code {
namespace {

struct Row {
  Language language;
  std::string_view name;
  std::string_view endings;  // extensions without their dot, separated by spaces; also names for filters
  std::string_view names;    // whole file names
  std::string_view aliases;  // further names for filters
};

constexpr std::array<Row, kLanguages> kRows = {{
    {Language::text, "text", "txt", "", ""},
    {Language::markdown, "markdown", "md markdown mdx", "readme", ""},
    {Language::restructured_text, "restructuredtext", "rst", "", ""},
    {Language::c, "c", "c", "", ""},
    {Language::cpp, "cpp", "cpp cc cxx hpp hh hxx h ipp inl cu cuh tpp", "", "c++"},
    {Language::go, "go", "go", "", "golang"},
    {Language::java, "java", "java", "", ""},
    {Language::javascript, "javascript", "js jsx mjs cjs", "", ""},
    {Language::php, "php", "php phtml", "", ""},
    {Language::python, "python", "py pyi pyw pyx pxd", "sconstruct sconscript", ""},
    {Language::ruby, "ruby", "rb rake gemspec", "rakefile gemfile", ""},
    {Language::rust, "rust", "rs", "", ""},
    {Language::tsx, "tsx", "tsx", "", ""},
    {Language::typescript, "typescript", "ts mts cts", "", ""},
    {Language::csharp, "csharp", "cs", "", "c#"},
    {Language::css, "css", "css scss sass less", "", ""},
    {Language::dart, "dart", "dart", "", ""},
    {Language::elixir, "elixir", "ex exs", "", ""},
    {Language::haskell, "haskell", "hs", "", ""},
    {Language::html, "html", "html htm jinja jinja2 j2 vue svelte", "", ""},
    {Language::json, "json", "json jsonc json5", "", ""},
    {Language::kotlin, "kotlin", "kt kts", "", ""},
    {Language::lua, "lua", "lua", "", ""},
    {Language::make, "make", "mk cmake", "makefile gnumakefile cmakelists.txt", ""},
    {Language::perl, "perl", "pl pm", "", ""},
    {Language::proto, "proto", "proto", "", "protobuf"},
    {Language::r, "r", "r", "", ""},
    {Language::scala, "scala", "scala sbt", "", ""},
    {Language::shell, "shell", "sh bash zsh fish", "", ""},
    {Language::sql, "sql", "sql", "", ""},
    {Language::swift, "swift", "swift", "", ""},
    {Language::toml, "toml", "toml", "", ""},
    {Language::xml, "xml", "xml xsd xsl svg", "", ""},
    {Language::yaml, "yaml", "yaml yml", "", ""},
}};

constexpr bool rows_in_order() {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<size_t>(kRows[i].language) != i) return false;
  }
  return true;
}
static_assert(rows_in_order());

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view word, std::string_view text) {
  return std::ranges::equal(word, text, {}, {}, lower);
}

// Whether `words`, separated by spaces, hold `text`.
bool holds(std::string_view words, std::string_view text) {
  while (!words.empty() && !text.empty()) {
    const size_t space = std::min(words.find(' '), words.size());
    if (same(words.substr(0, space), text)) return true;
    words.remove_prefix(std::min(space + 1, words.size()));
  }
  return false;
}

}  // namespace

Language language_of(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  const size_t dot = name.find_last_of('.');
  const std::string_view ending = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  for (const Row& row : kRows) {
    if (holds(row.names, name)) return row.language;
  }
  for (const Row& row : kRows) {
    if (holds(row.endings, ending)) return row.language;
  }
  return Language::text;
}

std::string_view name_of(Language language) {
  return kRows[static_cast<size_t>(language)].name;
}

std::optional<Language> language_named(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  for (const Row& row : kRows) {
    if (same(row.name, name) || holds(row.aliases, name)) return row.language;
  }
  for (const Row& row : kRows) {
    if (holds(row.endings, name)) return row.language;
  }
  return std::nullopt;
}

std::vector<std::string_view> language_names() {
  std::vector<std::string_view> out;
  for (const Row& row : kRows) out.push_back(row.name);
  for (const Row& row : kRows) {
    for (std::string_view words : {row.aliases, row.endings}) {
      while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(' '));
        if (std::ranges::find(out, word) == out.end()) out.push_back(word);
        words.remove_prefix(std::min(word.size() + 1, words.size()));
      }
    }
  }
  return out;
}

}  // namespace lode::code
