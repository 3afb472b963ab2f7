#include "apps/config_file.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace lode::apps {
namespace {

std::optional<std::string> typed(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  return std::nullopt;
}

Result<Setting> read_setting(std::string table, std::string_view key, const toml::node& node,
                             std::string_view file_name) {
  Setting setting{std::move(table), std::string(key), {}, static_cast<int>(node.source().begin.line)};
  const auto refuse = [&](std::string_view seen) {
    return fail(
        Code::invalid_argument,
        fmt::format("{}:{}: the key \"{}\" holds {}, expected text, a number, true or false, or an array of those",
                    file_name, setting.line, setting.key, seen));
  };
  if (auto value = typed(node)) {
    setting.values.push_back(std::move(*value));
  } else if (const auto* array = node.as_array()) {
    for (const toml::node& element : *array) {
      auto item = typed(element);
      if (!item) return refuse("an array of something else");
      setting.values.push_back(std::move(*item));
    }
  } else {
    return refuse(node.is_table() ? "a table" : "a date or time");
  }
  return setting;
}

}  // namespace

Result<std::vector<Setting>> read_config(std::string_view toml, std::string_view file_name) {
  std::vector<Setting> settings;
  try {
    const toml::table root = toml::parse(toml, file_name);
    for (const auto& [key, node] : root) {
      const auto* table = node.as_table();
      if (table == nullptr) {
        LODE_ASSIGN(Setting setting, read_setting("", key.str(), node, file_name));
        settings.push_back(std::move(setting));
        continue;
      }
      settings.push_back({std::string(key.str()), "", {}, static_cast<int>(node.source().begin.line)});
      for (const auto& [inner_key, inner] : *table) {
        LODE_ASSIGN(Setting setting, read_setting(std::string(key.str()), inner_key.str(), inner, file_name));
        settings.push_back(std::move(setting));
      }
    }
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid_argument, fmt::format("{}:{}: not TOML: {}", file_name, error.source().begin.line,
                                                    std::string_view(error.description())));
  }
  std::ranges::stable_sort(settings, {}, &Setting::line);
  return settings;
}

}  // namespace lode::apps
