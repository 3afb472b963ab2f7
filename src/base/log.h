// One line a message on stderr, through spdlog, so that stdout stays data. Levels: error, warn, info, debug.
// Safe from any thread.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace lode::log {

enum class Level : unsigned char { debug, info, warn, error, off };

void set_level(Level level);
void set_json(bool json);  // one JSON object a line instead of text
void write(Level level, std::string_view message);

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
