// JSON reading for everything that comes from outside: request bodies, config.json, tokenizer.json, JSONL rows.
// A Document owns the parsed text; a Value is a 16-byte view into it and must not outlive it. A Document is moved,
// never copied, and a Value may be read from any thread while nobody parses into its Document. Nothing here throws:
// wrong kinds come back as empty optionals. simdjson is hidden in json.cc. Writing is nlohmann-json's, at the edges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lode::json {

enum class Kind : uint8_t { null, boolean, integer, number, string, array, object };
std::string_view kind_name(Kind kind);

class Value {
 public:
  [[nodiscard]] Kind kind() const;
  [[nodiscard]] bool is(Kind k) const { return kind() == k; }

  // The scalar, if the value is of that kind. as_double takes integers too; as_int takes only integers that fit.
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<int64_t> as_int() const;
  [[nodiscard]] std::optional<double> as_double() const;
  [[nodiscard]] std::optional<std::string_view> as_string() const;

  // Member of an object (the last one where a key is repeated, as Python and JavaScript have it); empty where there is
  // none or the value is not an object. Linear in the number of members.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  // find, but null counts as absent.
  [[nodiscard]] std::optional<Value> get(std::string_view key) const;

  // Members in file order (repeated keys included); empty unless an object.
  [[nodiscard]] std::vector<std::pair<std::string_view, Value>> members() const;
  // Elements in order; empty unless an array.
  [[nodiscard]] std::vector<Value> items() const;
  [[nodiscard]] size_t size() const;  // number of members or elements, 0 for scalars

  // Compact JSON text of this value, for messages.
  [[nodiscard]] std::string text(size_t max_chars = 120) const;

 private:
  friend class Document;
  alignas(8) std::array<std::byte, 16> opaque_{};
};

class Document {
 public:
  Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  // Parses `text` (copied). `what` names the source in the error ("config.json", "request body"), which carries the
  // reason and the byte offset where the parser can tell it.
  static Result<Document> parse(std::string_view text, std::string_view what);

  [[nodiscard]] Value root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The text as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
std::string quote(std::string_view utf8);

}  // namespace lode::json
