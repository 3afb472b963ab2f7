#include "base/gguf_keys.h"

#include <cmath>

#include <fmt/format.h>

namespace lode::gguf {

Result<std::optional<int64_t>> Keys::integer(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->as_int();
  if (!number) return wrong(key, "a whole number");
  return number;
}

Result<std::optional<double>> Keys::number(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = value->as_double();
  if (!number || !std::isfinite(*number)) return wrong(key, "a finite number");
  return number;
}

Result<std::optional<bool>> Keys::flag(std::string_view key) const {
  const Value* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto flag = value->as_bool();
  if (!flag) return wrong(key, "a boolean");
  return flag;
}

Result<int64_t> Keys::needed_integer(std::string_view key) const {
  LODE_ASSIGN(const auto found, integer(key));
  if (!found) return wrong(key, "a whole number");
  return *found;
}

Result<double> Keys::needed_number(std::string_view key) const {
  LODE_ASSIGN(const auto found, number(key));
  if (!found) return wrong(key, "a finite number");
  return *found;
}

Result<std::string_view> Keys::needed_string(std::string_view key) const {
  const Value* const value = find(key);
  const auto text = value == nullptr ? std::nullopt : value->as_string();
  if (!text) return wrong(key, "a string");
  return *text;
}

std::unexpected<Error> Keys::out_of_range(std::string_view key, int64_t seen, std::string_view expected) const {
  return fail(Code::corrupt, fmt::format("{}: {}{} is {}, expected {}", what_, prefix_, key, seen, expected),
              "The file is damaged, or no tool of llama.cpp made it");
}

std::unexpected<Error> Keys::wrong(std::string_view key, std::string_view expected) const {
  const Value* const value = find(key);
  return fail(Code::corrupt,
              fmt::format("{}: {}{} is {}, expected {}", what_, prefix_, key,
                          value == nullptr ? "missing" : value->kind_text(), expected),
              "The file is damaged, or no tool of llama.cpp made it");
}

std::unexpected<Error> Keys::refused(std::string_view key, std::string_view seen, std::string_view expected) const {
  return fail(Code::unsupported, fmt::format("{}: {}{} is {}, expected {}", what_, prefix_, key, seen, expected),
              "Lodestone reads the embedding models of docs/formats.md");
}

}  // namespace lode::gguf
