// Reading the members of one JSON object with errors that say where: "tokenizer.json: model.unk_token is 3, expected a
// string". Absent and null are the same. A view: the Document must outlive it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lode::text {

class JsonFields {
 public:
  // `where` names the object in errors: a file, or what at() gave. Refuses what is no object.
  static Result<JsonFields> of_file(json::Value value, std::string_view where);
  static Result<JsonFields> of(json::Value value, std::string where);

  // Refuses members other than these that are there and not null: Lodestone would not do what they ask.
  [[nodiscard]] Status only(std::initializer_list<std::string_view> known) const;

  [[nodiscard]] bool has(std::string_view key) const { return value_.get(key).has_value(); }
  [[nodiscard]] std::optional<json::Value> find(std::string_view key) const { return value_.get(key); }
  [[nodiscard]] Result<std::optional<std::string_view>> maybe_string(std::string_view key) const;
  [[nodiscard]] Result<std::optional<bool>> maybe_flag(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> string(std::string_view key) const;
  [[nodiscard]] Result<bool> flag(std::string_view key, bool otherwise) const;
  [[nodiscard]] Result<int64_t> integer(std::string_view key, std::optional<int64_t> otherwise = std::nullopt) const;
  [[nodiscard]] Result<JsonFields> object(std::string_view key) const;
  [[nodiscard]] Result<std::vector<json::Value>> array(std::string_view key) const;

  [[nodiscard]] std::string at(std::string_view key) const;
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] json::Value value() const { return value_; }

 private:
  JsonFields(json::Value value, std::string where, std::string_view joint)
      : value_(value), where_(std::move(where)), joint_(joint) {}
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view key, std::string_view expected) const;

  json::Value value_;
  std::string where_;
  std::string_view joint_;  // between `where` and a member's name
};

}  // namespace lode::text
