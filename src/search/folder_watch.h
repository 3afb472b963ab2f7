// Tells when something in a folder changes, by inotify: its own folders that hold files and all above them, and new
// folders as they appear. A burst of changes is told once, when it is over, or while it lasts, once in a while. What
// changed is not told: who hears of it looks again. Where the system has no more watches it says so, and who needs to
// know looks by the clock. The callback runs on a thread of the watch.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "search/descriptor.h"
#include "search/tree.h"

namespace lode::search {

class FolderWatch {
 public:
  // Errors: unavailable where the system gives no inotify.
  static Result<std::unique_ptr<FolderWatch>> start(std::string folder, std::function<void()> changed);
  ~FolderWatch();

  // The folders of these files are watched from here on, and those that were; a folder that went drops out by itself.
  void follow(const std::vector<TreeFile>& files);
  // False: some folder is not watched, because the system's limit was met.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  FolderWatch(std::string folder, std::function<void()> changed, Descriptor events, Descriptor wake);
  void add(const std::string& folder);  // "" or with a slash behind it
  void run(const std::stop_token& stop);
  // Whether any event that counts was there.
  bool read_events();

  std::string folder_;
  std::function<void()> changed_;
  Descriptor events_;
  Descriptor wake_;
  std::atomic<bool> is_whole_ = true;
  std::mutex mutex_;
  std::map<std::string, int> numbers_;  // by folder
  std::map<int, std::string> folders_;  // by the watch's number
  std::jthread thread_;                 // last: ends before the rest goes
};

}  // namespace lode::search
