// What the measures of pairs and summaries are asked through.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

// The result of a request of this kind; empty for another's.
std::optional<nlohmann::json> probe_kinds(const std::string& what, const nlohmann::json& in);
