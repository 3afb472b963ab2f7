// What the operating system says of this process, read from /proc when asked. Figures that cannot be read are 0. Any
// thread.
#pragma once

namespace lode::server {

struct ProcessStats {
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double cpu_s = 0;         // user and system, all threads
  double start_time_s = 0;  // since 1970
  double open_fds = 0;
  double max_fds = 0;
  double threads = 0;
};

ProcessStats read_process_stats();

}  // namespace lode::server
