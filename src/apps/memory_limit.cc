#include "apps/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include <sys/resource.h>

#include "base/mapped_file.h"

namespace lode::apps {
namespace {

constexpr size_t kMaxFileBytes = 1 << 16;

std::optional<int64_t> first_number(std::string_view text) {
  const size_t digit = text.find_first_of("0123456789");
  if (digit == std::string_view::npos) return std::nullopt;  // "max"
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + digit, text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<int64_t> number_in(const std::string& path) {
  const auto text = read_file(path, kMaxFileBytes);
  if (!text) return std::nullopt;
  return first_number(*text);
}

std::optional<int64_t> machine_bytes(const std::string& root) {
  const auto text = read_file(root + "/proc/meminfo", kMaxFileBytes);
  if (!text) return std::nullopt;
  const size_t at = text->find("MemTotal:");
  if (at == std::string::npos) return std::nullopt;
  const auto kibibytes = first_number(std::string_view(*text).substr(at));
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

// The path of this process below `controller` ("" is version 2) in /proc/self/cgroup: lines of "id:controllers:path".
std::optional<std::string> group_path(std::string_view table, std::string_view controller) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controller) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

// A limit counts for everything below it, so the path is walked up.
std::optional<int64_t> least_on_path(const std::string& mount, std::string path, const std::string& file) {
  std::optional<int64_t> least;
  while (true) {
    const auto limit = number_in(mount + (path == "/" ? "" : path) + "/" + file);
    if (limit && (!least || *limit < *least)) least = limit;
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return least;
    path.resize(std::max<size_t>(slash, 1));
  }
}

std::optional<int64_t> group_bytes(const std::string& root) {
  const auto table = read_file(root + "/proc/self/cgroup", kMaxFileBytes);
  if (!table) return std::nullopt;
  if (const auto path = group_path(*table, "")) {
    if (const auto limit = least_on_path(root + "/sys/fs/cgroup", *path, "memory.max")) return limit;
  }
  if (const auto path = group_path(*table, "memory")) {
    return least_on_path(root + "/sys/fs/cgroup/memory", *path, "memory.limit_in_bytes");
  }
  return std::nullopt;
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
