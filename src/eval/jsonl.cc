#include "eval/jsonl.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/compressed_file.h"

namespace lode::eval {
namespace {

std::unexpected<Error> wrong(const Row& row, std::string_view field, std::string_view expected) {
  const auto found = row.value().find(field);
  return fail(Code::corrupt,
              found ? fmt::format("{}: \"{}\" is {}, {} was expected", row.where(), field, found->text(60), expected)
                    : fmt::format("{}: \"{}\" is missing", row.where(), field),
              "See docs/evaluation.md for the layouts.");
}

}  // namespace

std::optional<std::string> id_text(json::Value value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto number = value.as_int()) return fmt::format("{}", *number);
  return std::nullopt;
}

std::optional<std::filesystem::path> find_packed(const std::filesystem::path& folder, const std::string& name) {
  for (const char* packed : {"", ".gz", ".xz"}) {
    std::filesystem::path path = folder / (name + packed);
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return std::nullopt;
}

Result<std::string> Row::text(std::string_view field) const {
  const auto found = value_.find(field);
  const auto text = found ? found->as_string() : std::nullopt;
  if (!text) return wrong(*this, field, "a string");
  return std::string(*text);
}

Result<double> Row::number(std::string_view field) const {
  const auto found = value_.find(field);
  const auto number = found ? found->as_double() : std::nullopt;
  if (!number) return wrong(*this, field, "a number");
  return *number;
}

Result<std::string> Row::id(std::string_view field) const {
  const auto found = value_.find(field);
  auto text = found ? id_text(*found) : std::nullopt;
  if (!text) return wrong(*this, field, "a string or a whole number");
  return std::move(*text);
}

Result<std::vector<std::string>> Row::texts(std::string_view field) const {
  std::vector<std::string> out;
  const auto found = value_.find(field);
  if (!found || !found->is(json::Kind::array)) return wrong(*this, field, "a list of strings");
  for (const json::Value item : found->items()) {
    const auto text = item.as_string();
    if (!text) return wrong(*this, field, "a list of strings");
    out.emplace_back(*text);
  }
  return out;
}

Result<std::vector<double>> Row::numbers(std::string_view field) const {
  std::vector<double> out;
  const auto found = value_.find(field);
  if (!found || !found->is(json::Kind::array)) return wrong(*this, field, "a list of numbers");
  for (const json::Value item : found->items()) {
    const auto number = item.as_double();
    if (!number) return wrong(*this, field, "a list of numbers");
    out.push_back(*number);
  }
  return out;
}

std::filesystem::path data_file(const std::filesystem::path& folder, std::string_view name) {
  return find_packed(folder, std::string(name)).value_or(folder / name);
}

std::optional<json::Document> first_row(const std::filesystem::path& file) {
  constexpr size_t kMost = size_t{1} << 30;
  auto opened = CompressedFile::open(file);
  if (!opened) return std::nullopt;
  std::string head;
  for (size_t n = 0;;) {
    head.resize(std::max(size_t{1} << 16, 2 * n));
    const auto got = opened->read(std::span(head).subspan(n));
    if (!got || n + *got > kMost) return std::nullopt;
    n += *got;
    std::string_view text = std::string_view(head).substr(0, n);
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    const size_t end = text.find('\n');
    if (end == std::string_view::npos && n == head.size()) continue;  // a row of lists may be a whole data set
    auto document = json::Document::parse(text.substr(0, end), file.filename().string());
    if (!document) return std::nullopt;
    return *std::move(document);
  }
}

Status each_row(const std::filesystem::path& file, const std::function<Status(const Row&)>& visit) {
  LODE_ASSIGN(const std::string text, read_compressed(file));
  size_t line_number = 0, n_rows = 0;
  for (size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::string where = fmt::format("{}:{}", file.filename().string(), line_number);
    ++n_rows;
    auto parsed = json::Document::parse(line, where);
    if (!parsed) return fail(Code::corrupt, parsed.error().message, parsed.error().hint);
    const json::Document document = *std::move(parsed);
    if (!document.root().is(json::Kind::object)) {
      return fail(Code::corrupt,
                  fmt::format("{} is {}, an object was expected", where, kind_name(document.root().kind())));
    }
    LODE_TRY(visit(Row(document.root(), std::move(where))));
  }
  if (n_rows == 0) {
    return fail(Code::corrupt, fmt::format("{} has no rows", file.string()), "Get the data set again.");
  }
  return {};
}

}  // namespace lode::eval
