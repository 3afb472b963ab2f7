#include "apps/text_input.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace lode::apps {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void drop_mark(std::string_view& text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
}

}  // namespace

TextInput::TextInput(TextInputOptions options) : options_(std::move(options)) {
  if (options_.files.empty()) options_.files.emplace_back("-");
}

void TextInput::Close::operator()(std::FILE* file) const {
  if (file != stdin) std::fclose(file);
}

void TextInput::Free::operator()(char* line) const {
  std::free(line);
}

Result<std::optional<TextRow>> TextInput::next() {
  while (true) {
    if (!file_) {
      if (n_opened_ == options_.files.size()) return std::nullopt;
      LODE_TRY(open_next());
      if (options_.whole_files) return read_whole();
    }
    LODE_ASSIGN(const bool more, read_line());
    if (!more) {
      file_.reset();
      continue;
    }
    const std::string where = fmt::format("{} line {}", name_, line_number_);
    if (!is_jsonl_) return TextRow{std::string(line_), std::nullopt, std::nullopt, where};
    if (line_.find_first_not_of(" \t") == std::string_view::npos) continue;
    return parse_row(where);
  }
}

Status TextInput::open_next() {
  const std::string& path = options_.files[n_opened_++];
  line_number_ = 0;
  const bool from_stdin = path == "-";
  name_ = from_stdin ? "stdin" : path;
  is_jsonl_ = options_.text_field || name_.ends_with(".jsonl");
  file_.reset(from_stdin ? stdin : std::fopen(path.c_str(), "rb"));
  if (file_) return {};
  return fail(errno == ENOENT ? Code::not_found : Code::io, fmt::format("{}: {}", path, std::strerror(errno)),
              "Expected a file to read texts from, or - for stdin");
}

std::unexpected<Error> TextInput::read_failed() const {
  return fail(Code::io, fmt::format("{}: {}", name_, std::strerror(errno)), "Expected a file to read texts from");
}

Result<bool> TextInput::read_line() {
  char* line = buffer_.release();
  const ssize_t n_bytes = ::getline(&line, &buffer_size_, file_.get());
  buffer_.reset(line);
  if (n_bytes < 0) {
    if (std::feof(file_.get()) == 0) return read_failed();
    return false;
  }
  line_ = {line, static_cast<size_t>(n_bytes)};
  if (line_.ends_with('\n')) line_.remove_suffix(1);
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  if (++line_number_ == 1) drop_mark(line_);
  return true;
}

Result<TextRow> TextInput::read_whole() {
  std::string bytes;
  std::array<char, size_t{1} << 16> chunk{};
  while (const size_t n_bytes = std::fread(chunk.data(), 1, chunk.size(), file_.get()))
    bytes.append(chunk.data(), n_bytes);
  if (std::ferror(file_.get()) != 0) return read_failed();
  file_.reset();
  std::string_view text = bytes;
  drop_mark(text);
  if (text.size() != bytes.size()) bytes.erase(0, kByteOrderMark.size());
  return TextRow{std::move(bytes), std::nullopt, std::nullopt, name_};
}

Result<TextRow> TextInput::parse_row(const std::string& where) const {
  auto document = json::Document::parse(line_, where);
  if (!document) {
    return fail(Code::corrupt, document.error().message,
                "Expected one JSON object a line; --help says how plain text is read");
  }
  const json::Value row = document->root();
  if (!row.is(json::Kind::object)) {
    return fail(Code::corrupt, fmt::format("{} is {}, expected a JSON object", where, row.text(60)));
  }
  const std::string field = options_.text_field.value_or("text");
  const auto text = row.get(field);
  if (!text) {
    return fail(Code::corrupt, fmt::format("{}: no {}, expected the text there", where, json::quote(field)),
                "--text-field names another member");
  }
  const auto wrong = [&where](std::string_view name, const json::Value& value, std::string_view expected) {
    return fail(Code::corrupt,
                fmt::format("{}: {} is {}, expected {}", where, json::quote(name), value.text(60), expected));
  };
  const auto string = text->as_string();
  if (!string) return wrong(field, *text, "a string");
  TextRow out{std::string(*string), std::nullopt, std::nullopt, where};
  if (const auto id = row.get("id")) {
    if (id->is(json::Kind::object) || id->is(json::Kind::array)) return wrong("id", *id, "a string or a number");
    out.id = id->text(std::numeric_limits<size_t>::max());
  }
  if (const auto instruction = row.get("instruction")) {
    const auto value = instruction->as_string();
    if (!value) return wrong("instruction", *instruction, "a string");
    out.instruction = std::string(*value);
  }
  return out;
}

}  // namespace lode::apps
