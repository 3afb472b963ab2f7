// What is searched for, and what comes back. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "code/language.h"
#include "code/outline.h"

namespace lode::search {

enum class Mode : uint8_t {
  hybrid,   // what terms and vectors say together; without vectors, lexical
  lexical,  // the ranking by terms, paths and definitions
  dense,    // vectors alone
  bm25,     // chunks by BM25 alone
  symbol,   // definitions by name
  exact,    // a text as it is
  regex,
};
std::string_view name_of(Mode mode);
std::optional<Mode> mode_named(std::string_view name);

struct SearchQuery {
  std::string text;
  Mode mode = Mode::hybrid;
  size_t n_hits = 10;
  bool ignore_case = false;  // exact and regex
  // Only files of these languages, if any; of paths that match one of these globs, if any, and none with `!` in front
  // (a glob without a slash is matched with the file's name); hits within symbols of these kinds, if any; files changed
  // at or after this time.
  std::vector<code::Language> languages;
  std::vector<std::string> paths;
  std::string below;  // and only paths that begin so, "src/"; "" all
  std::vector<code::SymbolKind> kinds;
  int64_t changed_since_ns = 0;
  // Lines of the snippet around its best line; without a value as the mode has it.
  std::optional<size_t> context;
  // Of dense: what is looked for in place of the text's own vector, [dims] of length 1; the text then only tells terms
  // for the reasons, and may be empty.
  std::vector<float> vector;
  std::stop_token gone{};  // requested: nobody waits for the answer any more
};

struct Hit {
  std::string path;
  uint32_t first_line = 0;  // from 1: of the chunk, the definition or the line
  uint32_t last_line = 0;
  double score = 0;
  code::Language language = code::Language::text;
  std::string symbol;               // "Query.filter", the innermost around the hit; may be empty
  std::string_view kind;            // of the symbol
  std::vector<std::string> why;     // "defines filter", "terms: query, filter", "path: query"
  uint32_t snippet_line = 0;        // the first line of the snippet
  std::string snippet;              // whole lines
  std::vector<std::string> copies;  // other paths of the same text
};

struct SearchResult {
  std::vector<Hit> hits;     // best first; of exact and regex by path and line
  size_t n_found = 0;        // files, or lines of exact and regex, that there are in all
  bool is_complete = true;   // false: indexing is under way, and more may be found later
  Mode mode = Mode::hybrid;  // that ranked: hybrid without vectors is lexical
  // Of hybrid and dense: how many chunks had a vector.
  std::optional<size_t> n_vectors{};
};

}  // namespace lode::search
