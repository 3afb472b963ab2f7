// A JSON report as text. Names of files and what servers say may be any bytes: what is no UTF-8 is replaced, where
// nlohmann's dump() alone would throw. Pure; any thread.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace lode::apps {

// With the newline at its end; indent -1: on one line.
inline std::string json_text(const nlohmann::ordered_json& json, int indent = -1) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lode::apps
