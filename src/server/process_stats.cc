#include "server/process_stats.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <unistd.h>

#include <sys/resource.h>

namespace lode::server {

namespace {

// Seconds since 1970 at which the machine started.
double boot_time_s() {
  std::ifstream file("/proc/stat");
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // The second field, the name, is in parentheses and may hold anything; the third follows the last of them.
  if (const size_t name_end = line.rfind(')'); name_end != std::string::npos && ticks > 0) {
    std::istringstream fields(line.substr(name_end + 1));
    fields.imbue(std::locale::classic());
    std::string state;
    fields >> state;
    double value = 0;
    for (int field = 4; field <= 24 && fields >> value; ++field) {
      switch (field) {
        case 14:
        case 15: stats.cpu_s += value / ticks; break;
        case 20: stats.threads = value; break;
        case 22: stats.start_time_s = boot_time_s() + value / ticks; break;
        case 23: stats.virtual_bytes = value; break;
        case 24: stats.resident_bytes = value * static_cast<double>(::sysconf(_SC_PAGESIZE)); break;
        default: break;
      }
    }
  }
  std::error_code ec;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", ec), end; !ec && entry != end; entry.increment(ec)) {
    ++stats.open_fds;
  }
  if (stats.open_fds > 0) --stats.open_fds;  // the folder itself
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = static_cast<double>(limit.rlim_cur);
  return stats;
}

}  // namespace lode::server
