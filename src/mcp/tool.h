// What a tool is to a client: its name and what a model reads about it, and what an answer of it is. Plain data.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace lode::mcp {

inline constexpr size_t kBytesPerToken = 4;
inline constexpr int64_t kLeastTokens = 200;
inline constexpr int64_t kMostTokens = 50'000;
inline constexpr int64_t kDefaultTokens = 4000;

struct ToolAnswer {
  nlohmann::ordered_json structured;
  std::string text;  // the same for a model to read
};

struct ToolCard {
  std::string name;
  std::string title;
  std::string description;
  nlohmann::ordered_json input;   // JSON schema
  nlohmann::ordered_json output;  // of ToolAnswer::structured
};

}  // namespace lode::mcp
