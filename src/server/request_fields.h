// Reading the fields of a JSON request body: what each reader of a body shares. null counts as absent and the last of a
// repeated key counts, as in every client's language; a value of the wrong kind is refused with its place, in the terms
// of NIM's validation errors. JSON stops here and in the *_request files. Stateless; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/api_error.h"

namespace lode::server {

using Refusal = std::unexpected<ApiError>;
using Checked = std::expected<void, ApiError>;

Refusal violates(std::string type, std::vector<std::string> location, std::string expected,
                 std::optional<json::Value> seen = {});

// A number without a fraction: 3 and 3.0 are one number in JSON.
std::optional<int64_t> integer_of(const json::Value& value);

// A body that is a JSON object. Content-Type is nobody's business: clients send what they like.
std::expected<json::Document, ApiError> parse_object(std::string_view body);

// These leave `out` as it is where the key is absent or null.
Checked read_string(const json::Value& body, const std::string& key, std::optional<std::string>& out);
Checked read_string(const json::Value& body, const std::string& key, std::string& out);
Checked read_integer(const json::Value& body, const std::string& key, std::optional<int64_t>& out);

template <class Enum>
struct Choice {
  std::string_view name;  // "": taken, but not advertised; clients that cannot leave a field out send it
  Enum value;
};

Refusal no_such_choice(const std::string& key, std::span<const std::string_view> names, const json::Value& seen);

template <class Enum, size_t n>
Checked read_choice(const json::Value& body, const std::string& key, const Choice<Enum> (&choices)[n], Enum& out) {
  const auto value = body.get(key);
  if (!value) return {};
  const auto text = value->as_string();
  std::array<std::string_view, n> names;
  for (size_t i = 0; i < n; ++i) {
    names[i] = choices[i].name;
    if (text != names[i]) continue;
    out = choices[i].value;
    return {};
  }
  return no_such_choice(key, names, *value);
}

// A string or a list of 1 to max_texts strings.
Checked read_texts(const json::Value& value, const std::string& key, size_t max_texts, std::vector<std::string>& texts);

// Refuses, as NIM does, the first key that is not in `known`.
Checked forbid_others(const json::Value& body, std::span<const std::string_view> known);

}  // namespace lode::server
