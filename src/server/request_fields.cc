#include "server/request_fields.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/excerpt.h"

namespace lode::server {

using json::Kind;
using json::Value;

Refusal violates(std::string type, std::vector<std::string> location, std::string expected, std::optional<Value> seen) {
  return Refusal(schema_error({.type = std::move(type),
                               .location = std::move(location),
                               .expected = std::move(expected),
                               .seen = seen ? seen->text() : std::string()}));
}

std::expected<json::Document, ApiError> parse_object(std::string_view body) {
  auto document = json::Document::parse(body, "request body");
  if (!document) return violates("json_invalid", {}, document.error().message);
  const Value root = document->root();
  if (!root.is(Kind::object)) return violates("dict_type", {}, "Input should be an object", root);
  return std::move(*document);
}

Checked read_string(const Value& body, const std::string& key, std::optional<std::string>& out) {
  const auto value = body.get(key);
  if (!value) return {};
  const auto text = value->as_string();
  if (!text) return violates("string_type", {key}, "Input should be a valid string", value);
  out = std::string(*text);
  return {};
}

Checked read_string(const Value& body, const std::string& key, std::string& out) {
  std::optional<std::string> text;
  if (auto checked = read_string(body, key, text); !checked) return checked;
  if (text) out = std::move(*text);
  return {};
}

std::optional<int64_t> integer_of(const Value& value) {
  if (const auto integer = value.as_int()) return integer;
  constexpr double kExact = 9007199254740992.0;  // beyond 2^53 a double is no longer every integer
  const auto number = value.is(Kind::number) ? value.as_double() : std::nullopt;
  if (!number || *number != std::trunc(*number) || std::abs(*number) > kExact) return std::nullopt;
  return static_cast<int64_t>(*number);
}

Checked read_integer(const Value& body, const std::string& key, std::optional<int64_t>& out) {
  const auto value = body.get(key);
  if (!value) return {};
  const auto integer = integer_of(*value);
  if (!integer) return violates("int_type", {key}, "Input should be a valid integer", value);
  out = integer;
  return {};
}

Refusal no_such_choice(const std::string& key, std::span<const std::string_view> names, const Value& seen) {
  std::string expected;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    if (!expected.empty()) expected += i + 1 == names.size() ? " or " : ", ";
    expected += fmt::format("'{}'", names[i]);
  }
  return Refusal(schema_error({.type = "literal_error",
                               .location = {key},
                               .expected = "Input should be " + expected,
                               .seen = seen.text(),
                               .choices = expected}));
}

Checked read_texts(const Value& value, const std::string& key, size_t max_texts, std::vector<std::string>& texts) {
  if (const auto text = value.as_string()) {
    texts.emplace_back(*text);
    return {};
  }
  if (!value.is(Kind::array)) {
    return violates("string_type", {key}, "Input should be a string or a list of strings", value);
  }
  const std::vector<Value> items = value.items();
  if (items.empty()) return violates("too_short", {key}, "List should have at least 1 item", value);
  if (items.size() > max_texts) {
    return violates("too_long", {key},
                    fmt::format("List should have at most {} items, it has {}", max_texts, items.size()));
  }
  texts.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const auto text = items[i].as_string();
    if (!text) return violates("string_type", {key, std::to_string(i)}, "Input should be a valid string", items[i]);
    texts.emplace_back(*text);
  }
  return {};
}

Checked forbid_others(const Value& body, std::span<const std::string_view> known) {
  for (const auto& [key, value] : body.members()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    return violates("extra_forbidden", {excerpt(key)}, "Extra inputs are not permitted", value);
  }
  return {};
}

}  // namespace lode::server
