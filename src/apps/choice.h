// An option whose value is one of a few names, bound to an enum. CLI11's own transformer refuses others with a text
// that lists its table. Main thread only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lode::apps {

// For CLI::Option::transform().
template <class Enum>
CLI::Validator choice(std::map<std::string, Enum> names) {
  const auto number = [](Enum value) { return std::to_string(static_cast<int>(value)); };
  return CLI::Validator(
      [names = std::move(names), number](std::string& value) -> std::string {
        std::vector<std::string> known;
        for (const auto& [name, of] : names) {
          if (value == number(of)) return {};  // a value that was looked up before
          if (value == name) {
            value = number(of);
            return {};
          }
          known.push_back(name);
        }
        return fmt::format("{} not in {{{}}}", value, fmt::join(known, ","));
      },
      "", "choice");
}

}  // namespace lode::apps
