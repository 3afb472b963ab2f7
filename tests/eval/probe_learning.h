// The part of eval_probe that learns and draws: classifiers, clusters, random streams.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

// Empty for a name that it does not know. "x" and the like name files of raw f32, row-major, "n_dims" wide.
std::optional<nlohmann::json> probe_learning(const std::string& what, const nlohmann::json& in);
