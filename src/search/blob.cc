#include "search/blob.h"

#include <cstring>
#include <xxhash.h>

namespace lode::search {
namespace {

constexpr size_t kCheckBytes = 4;

uint32_t check_of(std::string_view bytes) {
  return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace

std::string sealed(std::string_view bytes) {
  const uint32_t check = check_of(bytes);
  std::string out(kCheckBytes, '\0');
  std::memcpy(out.data(), &check, kCheckBytes);
  return out += bytes;
}

std::optional<std::string_view> unsealed(std::string_view bytes) {
  uint32_t check = 0;
  if (bytes.size() < kCheckBytes) return std::nullopt;
  std::memcpy(&check, bytes.data(), kCheckBytes);
  bytes.remove_prefix(kCheckBytes);
  return check == check_of(bytes) ? std::optional(bytes) : std::nullopt;
}

}  // namespace lode::search
