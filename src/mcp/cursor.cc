#include "mcp/cursor.h"

#include <charconv>

#include <fmt/format.h>

#include "search/content_hash.h"

namespace lode::mcp {
namespace {

constexpr size_t kHashBytes = 6;

std::string mark_of(std::string_view question) {
  const search::ContentHash hash = search::content_hash(question);
  std::string out;
  for (size_t i = 0; i < kHashBytes; ++i) out += fmt::format("{:02x}", hash[i]);
  return out;
}

}  // namespace

std::string cursor_of(size_t offset, std::string_view question) {
  return fmt::format("{}-{}", mark_of(question), offset);
}

Result<size_t> offset_of(std::string_view cursor, std::string_view question) {
  const auto refuse = [](const char* why) {
    return fail(Code::invalid_argument, why, "Give next_cursor as it came, with the same other arguments.");
  };
  const size_t dash = cursor.find('-');
  if (dash == std::string_view::npos) return refuse("cursor is none of this server's");
  size_t offset = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto read = std::from_chars(cursor.data() + dash + 1, end, offset);
  if (read.ec != std::errc() || read.ptr != end || offset > kMostOffset) {
    return refuse("cursor is none of this server's");
  }
  if (cursor.substr(0, dash) != mark_of(question)) return refuse("cursor is of another question");
  return offset;
}

}  // namespace lode::mcp
