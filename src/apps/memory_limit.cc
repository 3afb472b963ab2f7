#include "apps/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include <sys/resource.h>

#include "base/control_group.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

constexpr size_t kMaxFileBytes = 1 << 16;

std::optional<int64_t> machine_bytes(const std::string& root) {
  const auto text = read_file(root + "/proc/meminfo", kMaxFileBytes);
  if (!text) return std::nullopt;
  const size_t name = text->find("MemTotal:");
  const size_t digit = text->find_first_of("0123456789", name);
  if (name == std::string::npos || digit == std::string::npos) return std::nullopt;
  int64_t kibibytes = 0;
  const auto [end, error] = std::from_chars(text->data() + digit, text->data() + text->size(), kibibytes);
  if (error != std::errc()) return std::nullopt;
  return kibibytes * 1024;
}

std::optional<int64_t> least_of_groups(const std::string& root, std::string_view controller, std::string_view file) {
  std::optional<int64_t> least;
  for (const std::string& folder : control_group_folders(root, controller)) {
    const auto limit = first_number_in(folder + "/" + std::string(file));
    if (limit && (!least || *limit < *least)) least = limit;
  }
  return least;
}

std::optional<int64_t> group_bytes(const std::string& root) {
  if (const auto limit = least_of_groups(root, "", "memory.max")) return limit;
  return least_of_groups(root, "memory", "memory.limit_in_bytes");
}

}  // namespace

MemoryLimit memory_limit(const std::string& root) {
  MemoryLimit least{std::numeric_limits<int64_t>::max(), "no limit"};
  const auto take = [&](std::optional<int64_t> n_bytes, const char* source) {
    if (n_bytes && *n_bytes < least.n_bytes) least = {*n_bytes, source};
  };
  take(machine_bytes(root), "the machine's memory");
  take(group_bytes(root), "the control group's limit");
  rlimit own{};
  if (::getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY) {
    take(static_cast<int64_t>(std::min<rlim_t>(own.rlim_cur, std::numeric_limits<int64_t>::max())), "ulimit -v");
  }
  return least;
}

}  // namespace lode::apps
