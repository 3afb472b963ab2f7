// One line a request, when its answer has been sent or its client has gone: a JSON object with `--log-format json`,
// else text for a reader. It holds names, counts and seconds, never a text, a vector or a key, and nothing a client
// sent can forge a line or drive a terminal. Probes and scrapes are written at level debug. Stateless; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/exchange.h"

namespace lode::server {

struct AccessEntry {
  const Exchange& exchange;
  std::string_view method{};
  std::string_view path{};         // the target without its query
  std::string_view peer{};         // "127.0.0.1:50312"
  std::string_view tls_subject{};  // empty without a client certificate
  int status = 0;
  double total_s = 0;
  double write_s = 0;
  size_t n_bytes_in = 0;   // body
  size_t n_bytes_out = 0;  // header and body
  bool aborted = false;    // the client left before the end
  bool quiet = false;      // a probe or a scrape
};

void log_access(const AccessEntry& entry);

// The line without time and level. Fields that are empty or 0 by nature of the request are left out of both forms.
std::string access_json(const AccessEntry& entry);  // the inside of a JSON object
std::string access_text(const AccessEntry& entry);

}  // namespace lode::server
