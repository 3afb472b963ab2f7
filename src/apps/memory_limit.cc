#include "apps/memory_limit.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include <sys/resource.h>

#include "base/control_group.h"

namespace lode::apps {
namespace {

std::optional<int64_t> machine_bytes(const std::string& root) {
  const auto kibibytes = number_in(root + "/proc/meminfo", "MemTotal:");
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<int64_t> least_of_groups(const std::string& root, std::string_view controller, std::string_view file) {
  std::optional<int64_t> least;
  for (const std::string& folder : control_group_folders(root, controller)) {
    const auto limit = number_in(folder + "/" + std::string(file));
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
