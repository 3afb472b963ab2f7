// The tools that agents have: search, read_lines, symbols, similar and status over a library of indexes. Each checks
// its arguments, keeps to the budget of tokens that the call names and says what it left out. Any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "mcp/arguments.h"
#include "mcp/tool.h"
#include "search/library.h"

namespace lode::mcp {

class Tools {
 public:
  // The library outlives this.
  explicit Tools(search::Library& library);

  [[nodiscard]] const std::vector<ToolCard>& cards() const { return cards_; }
  [[nodiscard]] bool has(std::string_view name) const;

  // Of a tool that there is. Errors: invalid_argument for its arguments, those of the library.
  Result<ToolAnswer> call(std::string_view name, std::optional<json::Value> arguments);

 private:
  Result<ToolAnswer> search(Arguments& arguments);
  Result<ToolAnswer> similar(Arguments& arguments);
  Result<ToolAnswer> read_lines(Arguments& arguments);
  Result<ToolAnswer> symbols(Arguments& arguments);
  Result<ToolAnswer> status(Arguments& arguments);

  search::Library& library_;
  std::vector<ToolCard> cards_;
};

// What of the library is not whole or not fresh, in a sentence or two; empty where all is well.
// of_vectors: also when they lack.
std::string freshness_note(const search::Library& library, bool of_vectors = false);

}  // namespace lode::mcp
