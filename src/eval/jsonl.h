// Data sets as JSON lines: a .jsonl file, plain or packed (gzip, xz), row by row. Pure but for reading the file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lode::eval {

class Row {
 public:
  Row(json::Value value, std::string where) : value_(value), where_(std::move(where)) {}

  [[nodiscard]] json::Value value() const { return value_; }
  // "corpus.jsonl.gz:17", for messages.
  [[nodiscard]] const std::string& where() const { return where_; }
  // Errors: corrupt, naming the row, the field and what was there.
  [[nodiscard]] Result<std::string> text(std::string_view field) const;
  [[nodiscard]] Result<double> number(std::string_view field) const;
  // A string, or a whole number as its digits: data sets have both kinds of ids.
  [[nodiscard]] Result<std::string> id(std::string_view field) const;
  // Lists of them.
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view field) const;
  [[nodiscard]] Result<std::vector<double>> numbers(std::string_view field) const;

 private:
  json::Value value_;
  std::string where_;
};

// The file of that name in the folder as it lies there: plain, .gz or .xz.
std::optional<std::filesystem::path> find_packed(const std::filesystem::path& folder, const std::string& name);

// The same, or the plain file where there is none, for a reader to say that it is missing.
std::filesystem::path data_file(const std::filesystem::path& folder, std::string_view name);

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // which some editors put in front of a file

// The first row, after which reading stops; none where the file has none that is JSON, or one of more than a gigabyte.
std::optional<json::Document> first_row(const std::filesystem::path& file);

// Calls `visit` for each row that is not empty; lines may end in CR LF. Errors: those of read_compressed; corrupt for a
// row that is no object and for a file without rows; what `visit` gives.
Status each_row(const std::filesystem::path& file, const std::function<Status(const Row&)>& visit);

// A string or whole number as a string; empty for anything else.
std::optional<std::string> id_text(json::Value value);

}  // namespace lode::eval
