#include "text/json_fields.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace lode::text {

Result<JsonFields> JsonFields::of_file(json::Value value, std::string_view where) {
  LODE_ASSIGN(auto fields, of(value, std::string(where)));
  fields.joint_ = ": ";
  return fields;
}

Result<JsonFields> JsonFields::of(json::Value value, std::string where) {
  if (!value.is(json::Kind::object)) {
    return fail(Code::corrupt, fmt::format("{} is {}, expected an object", where, value.text(60)));
  }
  return JsonFields(value, std::move(where), ".");
}

Status JsonFields::only(std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : value_.members()) {
    if (std::ranges::find(known, key) != known.end() || value.is(json::Kind::null)) continue;
    return fail(Code::unsupported, fmt::format("{} is {}, which Lodestone does not know", at(key), value.text(60)));
  }
  return {};
}

std::string JsonFields::at(std::string_view key) const {
  return fmt::format("{}{}{}", where_, joint_, key);
}

std::unexpected<Error> JsonFields::wrong(std::string_view key, std::string_view expected) const {
  const auto value = value_.get(key);
  return fail(Code::corrupt, value ? fmt::format("{} is {}, expected {}", at(key), value->text(60), expected)
                                   : fmt::format("{} is missing, expected {}", at(key), expected));
}

Result<std::optional<std::string_view>> JsonFields::maybe_string(std::string_view key) const {
  const auto value = value_.get(key);
  if (!value) return std::nullopt;
  const auto text = value->as_string();
  if (!text) return wrong(key, "a string");
  return text;
}

Result<std::optional<bool>> JsonFields::maybe_flag(std::string_view key) const {
  const auto value = value_.get(key);
  if (!value) return std::nullopt;
  const auto flag = value->as_bool();
  if (!flag) return wrong(key, "true or false");
  return flag;
}

Result<std::string_view> JsonFields::string(std::string_view key) const {
  LODE_ASSIGN(const auto text, maybe_string(key));
  if (!text) return wrong(key, "a string");
  return *text;
}

Result<bool> JsonFields::flag(std::string_view key, bool otherwise) const {
  LODE_ASSIGN(const auto flag, maybe_flag(key));
  return flag.value_or(otherwise);
}

Result<int64_t> JsonFields::integer(std::string_view key, std::optional<int64_t> otherwise) const {
  const auto value = value_.get(key);
  if (!value && otherwise) return *otherwise;
  const auto number = value ? value->as_int() : std::nullopt;
  if (!number) return wrong(key, "an integer");
  return *number;
}

Result<JsonFields> JsonFields::object(std::string_view key) const {
  const auto value = value_.get(key);
  if (!value || !value->is(json::Kind::object)) return wrong(key, "an object");
  return JsonFields(*value, at(key), ".");
}

Result<std::vector<json::Value>> JsonFields::array(std::string_view key) const {
  const auto value = value_.get(key);
  if (!value || !value->is(json::Kind::array)) return wrong(key, "an array");
  return value->items();
}

}  // namespace lode::text
