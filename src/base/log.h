// One line a message on stderr, through spdlog, so that stdout stays data. Levels: error, warn, info, debug.
// Safe from any thread.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace lode::log {

enum class Level : unsigned char { debug, info, warn, error, off };

void set_level(Level level);
void set_json(bool json);  // one JSON object a line instead of text
[[nodiscard]] bool is_json();
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view message);
// A line with fields of its own in place of a message: `members` is the inside of a JSON object, "\"status\":200". It
// is for the JSON form only, where it stands behind time and level.
void record(Level level, std::string_view members);

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lode::log
