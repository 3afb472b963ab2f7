#include "eval/trec_ids.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace lode::eval {
namespace {

bool ends_fields(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}

// The character that a form of trec_id begins with, if one does.
std::optional<char> read_form(std::string_view text) {
  constexpr size_t kFormBytes = 3;
  if (text.size() < kFormBytes) return std::nullopt;
  unsigned code = 0;
  const char* const end = text.data() + kFormBytes;
  const auto [rest, error] = std::from_chars(text.data() + 1, end, code, 16);
  const char c = static_cast<char>(code);
  if (error != std::errc() || rest != end || !(ends_fields(c) || c == '%')) return std::nullopt;
  return c;
}

}  // namespace

std::string trec_id(std::string_view id) {
  if (std::ranges::none_of(id, ends_fields) && id_of_trec(id) == id) return std::string(id);
  std::string out;
  for (const char c : id) {
    if (ends_fields(c) || c == '%') {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string id_of_trec(std::string_view written) {
  std::string out;
  for (size_t at = 0; at < written.size(); ++at) {
    if (written[at] != '%') {
      out += written[at];
      continue;
    }
    const auto read = read_form(written.substr(at));
    if (!read) return std::string(written);
    out += *read;
    at += 2;
  }
  return out;
}

}  // namespace lode::eval
