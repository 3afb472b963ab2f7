#include "base/log.h"

#include <atomic>
#include <memory>
#include <string>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "base/json.h"

namespace lode::log {

namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

struct Loggers {
  std::shared_ptr<spdlog::logger> text;
  std::shared_ptr<spdlog::logger> json;
  std::shared_ptr<spdlog::logger> record;
  std::atomic<bool> use_json{false};

  Loggers() {
    text = make("%H:%M:%S.%e %^%-7l%$ %v");
    json = make(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})");
    record = make(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  }

  static std::shared_ptr<spdlog::logger> make(const std::string& pattern) {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("lode", std::move(sink));
    logger->set_pattern(pattern);
    logger->flush_on(spdlog::level::debug);
    return logger;
  }
};

// Never destroyed: a thread may still log while the process ends.
Loggers& loggers() {
  static auto* const instance = new Loggers;
  return *instance;
}

// A message stays one line and cannot forge another one, whatever user text is in it.
std::string one_line(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    if (c == '\n') {
      out += "\\n";
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void set_level(Level level) {
  loggers().text->set_level(to_spdlog(level));
  loggers().json->set_level(to_spdlog(level));
  loggers().record->set_level(to_spdlog(level));
}

void set_json(bool json) {
  loggers().use_json = json;
}

bool is_json() {
  return loggers().use_json;
}

bool enabled(Level level) {
  return level != Level::off && loggers().text->should_log(to_spdlog(level));
}

void write(Level level, std::string_view message) {
  if (level == Level::off) return;
  const bool json = loggers().use_json;
  spdlog::logger& logger = json ? *loggers().json : *loggers().text;
  if (!logger.should_log(to_spdlog(level))) return;
  const std::string payload = json ? json::quote(message) : one_line(message);
  logger.log(to_spdlog(level), spdlog::string_view_t(payload));
}

void record(Level level, std::string_view members) {
  if (!enabled(level)) return;
  loggers().record->log(to_spdlog(level), spdlog::string_view_t(members.data(), members.size()));
}

}  // namespace lode::log
