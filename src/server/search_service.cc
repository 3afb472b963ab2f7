#include "server/search_service.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace lode::server {

SearchService::SearchService(std::unique_ptr<search::Library> library, std::string version, SearchLimits limits)
    : library_(std::move(library)), tools_(*library_), protocol_(tools_, std::move(version)), limits_(limits) {
  for (size_t i = 0; i < std::max<size_t>(1, limits_.n_threads); ++i) threads_.emplace_back([this] { run(); });
}

SearchService::~SearchService() {
  const std::scoped_lock lock(mutex_);
  is_ending_ = true;
  changed_.notify_all();
}

Status SearchService::submit(Task task) {
  const std::scoped_lock lock(mutex_);
  if (waiting_.size() >= limits_.max_waiting) {
    return fail(Code::overloaded, fmt::format("{} searches wait already, which is the most", waiting_.size()),
                "Try again in a moment.");
  }
  waiting_.push_back(std::move(task));
  changed_.notify_one();
  return {};
}

void SearchService::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace lode::server
