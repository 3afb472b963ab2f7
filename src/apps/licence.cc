#include "apps/licence.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include <fmt/format.h>

#include "apps/model_store.h"
#include "base/gguf.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

std::string restriction_of(std::string_view licence) {
  std::string lower(licence);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool non_commercial =
      lower.find("-nc") != std::string::npos || lower.find("non-commercial") != std::string::npos;
  return non_commercial ? "non-commercial use only" : "";
}

Licence licence_of(std::string_view name, std::string source) {
  return {std::string(name), restriction_of(name), std::move(source)};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\"'";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// What a GGUF file's metadata say; "" when they say nothing.
std::string gguf_licence(const fs::path& path) {
  const auto mapped = MappedFile::open(path);
  if (!mapped) return "";
  const auto file = gguf::parse(mapped->bytes(), path.string());
  if (!file) return "";
  for (const char* key : {"general.license.name", "general.license"}) {
    const gguf::Value* const value = file->find(key);
    if (value != nullptr && value->as_string()) return std::string(*value->as_string());
  }
  return "";
}

}  // namespace

std::string card_licence(std::string_view card) {
  if (!card.starts_with("---")) return {};
  std::string_view plain;
  std::string_view named;
  size_t at = card.find('\n');
  while (at != std::string_view::npos && at + 1 < card.size()) {
    const size_t end = card.find('\n', at + 1);
    const std::string_view line = card.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
    if (line.starts_with("---")) break;
    if (line.starts_with("license:")) plain = trimmed(line.substr(line.find(':') + 1));
    if (line.starts_with("license_name:")) named = trimmed(line.substr(line.find(':') + 1));
    at = end;
  }
  return std::string(plain == "other" && !named.empty() ? named : plain);
}

Licence find_licence(const fs::path& folder, std::string_view origin) {
  constexpr size_t kMaxCardBytes = size_t{16} << 20;
  if (const KnownModel* const known = find_known(own_name(folder)))
    return licence_of(known->licence, "the model's name");
  if (gguf::is_gguf_file(folder)) {
    const std::string name = gguf_licence(folder);
    return name.empty() ? Licence{} : licence_of(name, "general.license");
  }
  if (const auto card = read_regular_file(folder / "README.md", kMaxCardBytes)) {
    if (const std::string name = card_licence(*card); !name.empty()) return licence_of(name, "README.md");
  }
  if (const KnownModel* const known = find_known(origin)) {
    return licence_of(known->licence, fmt::format("the origin {} in config.json", origin));
  }
  return {};
}

}  // namespace lode::apps
