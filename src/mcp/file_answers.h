// What the tools answer about files: their lines, their definitions, and how the indexes stand. Each within a budget of
// tokens: what does not fit is left out at the end, with where to go on. Pure but for the last two; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "mcp/tool.h"
#include "search/library.h"

namespace lode::mcp {

struct LineRange {
  size_t start = 1;
  std::optional<size_t> end;
  size_t max_tokens = kDefaultTokens;
};
// Errors: invalid_argument for a start beyond the file's end.
Result<ToolAnswer> answer_lines(const search::Library::File& file, const LineRange& range);

struct SymbolEntry {
  std::string path;
  std::string name;  // "Query.filter"
  std::string_view kind;
  uint32_t start_line = 0;
  uint32_t end_line = 0;
  std::string signature;
};
std::vector<SymbolEntry> symbols_of(const search::Library::File& file);
std::vector<SymbolEntry> symbols_of(const search::SearchResult& result);

struct SymbolsPage {
  std::vector<SymbolEntry> entries;  // from 0 on
  size_t n_found = 0;
  size_t offset = 0;
  size_t n_entries = 50;
  size_t max_tokens = kDefaultTokens;
  std::string question;
  std::string note;
};
ToolAnswer answer_symbols(const SymbolsPage& page);

// How each index stands: {"name", "folder", "files", "chunks", "vectors", "complete", "indexing", "embedding",
// "files_done", "files_to_do", "updated", "error"}. What cannot be read says so in its error.
nlohmann::ordered_json index_states(search::Library& library);
ToolAnswer answer_status(search::Library& library);

}  // namespace lode::mcp
