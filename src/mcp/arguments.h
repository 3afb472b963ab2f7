// The arguments of a tool's call, read by name and kind. null counts as absent. The first thing that is wrong is kept
// and told by status(); what is read then is the default. An argument that nobody reads is refused too, so that a
// misspelt one does not go unseen. One thread at a time; the document lives longer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lode::mcp {

class Arguments {
 public:
  // Without a value: none were given.
  explicit Arguments(std::optional<json::Value> object);

  std::optional<std::string> text(std::string_view name);
  std::string required_text(std::string_view name);
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  // A string or a list of strings.
  std::vector<std::string> texts(std::string_view name);
  void refuse(std::string message, std::string hint = {});

  // The first error; call it when all arguments have been read.
  Status status();

  // Every argument but the named one, as text: two calls that only differ there have the same.
  [[nodiscard]] std::string fingerprint(std::string_view without) const;

 private:
  std::optional<json::Value> take(std::string_view name);

  std::optional<json::Value> object_;
  std::vector<std::string> known_;
  Status status_;
};

}  // namespace lode::mcp
