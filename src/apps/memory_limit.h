// How much memory this process may use: the least of the machine's, its control groups' and its own limit. Read at
// start, so that a configuration that cannot fit is refused then and not by the kernel in the middle of a request. Any
// thread.
#pragma once

#include <cstdint>
#include <string>

namespace lode::apps {

struct MemoryLimit {
  int64_t n_bytes = 0;
  std::string source;  // "the machine's memory", "the control group's memory.max", "ulimit -v"
};

// `root` stands in front of /proc and /sys; tests have one of their own.
MemoryLimit memory_limit(const std::string& root = "");

}  // namespace lode::apps
