// The indexes that a server offers, and the few threads that search them, so that neither the threads of HTTP nor the
// engine wait for a search. What waits is bounded. Any thread; tasks that were taken run before this goes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "mcp/protocol.h"
#include "mcp/tools.h"
#include "search/library.h"

namespace lode::server {

struct SearchLimits {
  size_t n_threads = 4;  // of which some wait for a query's vector
  size_t max_waiting = 256;
};

class SearchService {
 public:
  using Task = std::move_only_function<void()>;

  SearchService(std::unique_ptr<search::Library> library, std::string version, SearchLimits limits = {});
  ~SearchService();

  [[nodiscard]] search::Library& library() { return *library_; }
  [[nodiscard]] mcp::Protocol& protocol() { return protocol_; }

  // Errors: overloaded when too many wait; then the task is not run.
  Status submit(Task task);

 private:
  void run();

  std::unique_ptr<search::Library> library_;
  mcp::Tools tools_;
  mcp::Protocol protocol_;
  SearchLimits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  bool is_ending_ = false;
  std::vector<std::jthread> threads_;  // last: end before the rest goes
};

}  // namespace lode::server
