// What models read about the tools, and the schemas of what goes in and comes out. Pure; any thread.
#pragma once

#include <vector>

#include "mcp/tool.h"

namespace lode::mcp {

std::vector<ToolCard> tool_cards();

// What a client may tell its model about all of them at the start.
std::string_view tool_instructions();

}  // namespace lode::mcp
