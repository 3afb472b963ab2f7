#include "mcp/arguments.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/excerpt.h"

namespace lode::mcp {

using json::Kind;

Arguments::Arguments(std::optional<json::Value> object) : object_(object) {
  if (object_ && !object_->is(Kind::object)) {
    refuse(fmt::format("arguments should be an object, are {}", json::kind_name(object_->kind())));
    object_.reset();
  }
}

void Arguments::refuse(std::string message, std::string hint) {
  if (status_) status_ = fail(Code::invalid_argument, std::move(message), std::move(hint));
}

std::optional<json::Value> Arguments::take(std::string_view name) {
  known_.emplace_back(name);
  return object_ ? object_->get(name) : std::nullopt;
}

std::optional<std::string> Arguments::text(std::string_view name) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  const auto out = value->as_string();
  if (!out) {
    refuse(fmt::format("{} should be a string, is {}", name, value->text()));
    return std::nullopt;
  }
  return std::string(*out);
}

std::string Arguments::required_text(std::string_view name) {
  auto out = text(name);
  if (!out || out->empty()) refuse(fmt::format("{} is missing", name), fmt::format("Give {} as a string.", name));
  return out.value_or("");
}

std::optional<int64_t> Arguments::integer(std::string_view name, int64_t least, int64_t most) {
  const auto value = take(name);
  if (!value) return std::nullopt;
  std::optional<int64_t> out = value->as_int();
  if (!out) {
    // 3.0 is a whole number too.
    const auto number = value->as_double();
    if (number && *number >= -1e9 && *number <= 1e9 && *number == static_cast<double>(static_cast<int64_t>(*number))) {
      out = static_cast<int64_t>(*number);
    }
  }
  if (!out || *out < least || *out > most) {
    refuse(fmt::format("{} should be a whole number from {} to {}, is {}", name, least, most, value->text()));
    return std::nullopt;
  }
  return out;
}

std::vector<std::string> Arguments::texts(std::string_view name) {
  const auto value = take(name);
  if (!value) return {};
  if (const auto one = value->as_string()) return {std::string(*one)};
  std::vector<std::string> out;
  for (const json::Value& item : value->items()) {
    const auto text = item.as_string();
    if (!text) break;
    out.emplace_back(*text);
  }
  if (!value->is(Kind::array) || out.size() != value->size()) {
    refuse(fmt::format("{} should be a string or a list of strings, is {}", name, value->text()));
    return {};
  }
  return out;
}

Status Arguments::status() {
  if (!status_ || !object_) return status_;
  for (const auto& [name, value] : object_->members()) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    return fail(Code::invalid_argument, fmt::format("there is no argument \"{}\"", excerpt(name)),
                fmt::format("There are: {}.", fmt::join(known_, ", ")));
  }
  return status_;
}

std::string Arguments::fingerprint(std::string_view without) const {
  std::vector<std::string> parts;
  if (object_) {
    for (const auto& [name, value] : object_->members()) {
      if (name != without) parts.push_back(json::quote(name) + ":" + value.text(SIZE_MAX));
    }
  }
  std::ranges::sort(parts);
  return fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace lode::mcp
