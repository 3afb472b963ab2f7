// Hits as a tool answers them: structured and as text, within a budget of tokens (about four bytes each). What does not
// fit is left out in this order, and said: the snippets from the last hit on, then the last hits, which a cursor leads
// to. One hit is always there. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/tool.h"
#include "search/query.h"

namespace lode::mcp {

struct HitsPage {
  std::string_view mode;
  const search::SearchResult& result;  // the hits from 0 on, one more than the page has where there are more
  size_t offset = 0;                   // of the page's first hit
  size_t n_hits = 10;                  // that the page may have
  size_t max_tokens = 4000;
  std::string question;  // for its cursor
  std::string note;      // "The index is still being made ..."; may be empty
};

ToolAnswer answer_hits(const HitsPage& page);

}  // namespace lode::mcp
