#include "base/control_group.h"

#include <algorithm>
#include <charconv>

#include "base/mapped_file.h"

namespace lode {
namespace {

constexpr size_t kMaxFileBytes = 1 << 16;

// Whether a list has the name: "cpu,cpuacct" has cpu.
bool has_name(std::string_view list, std::string_view name) {
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == name) return true;
    if (comma == list.size()) return false;
    list.remove_prefix(comma + 1);
  }
}

// The path of this process below `controller` in /proc/self/cgroup: lines of "id:controllers:path".
std::optional<std::string> group_path(std::string_view table, std::string_view controller) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    if (has_name(line.substr(first + 1, second - first - 1), controller)) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> control_group_folders(const std::string& root, std::string_view controller) {
  std::vector<std::string> out;
  const auto table = read_file(root + "/proc/self/cgroup", kMaxFileBytes);
  if (!table) return out;
  auto path = group_path(*table, controller);
  if (!path) return out;
  std::string mount = root + "/sys/fs/cgroup";
  if (!controller.empty()) mount.append("/").append(controller);
  while (true) {
    out.push_back(mount + (*path == "/" ? "" : *path));
    const size_t slash = path->rfind('/');
    if (slash == std::string::npos || *path == "/") return out;
    path->resize(std::max<size_t>(slash, 1));
  }
}

std::optional<int64_t> number_in(const std::string& path, std::string_view name) {
  const auto text = read_file(path, kMaxFileBytes);
  if (!text) return std::nullopt;
  const size_t at = text->find(name);
  if (at == std::string::npos) return std::nullopt;
  const size_t digit = text->find_first_of("0123456789", at + name.size());
  if (digit == std::string::npos) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data() + digit, text->data() + text->size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace lode
