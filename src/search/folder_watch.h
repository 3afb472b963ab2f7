// Tells when something in a folder changes, by inotify on it and on the folders in it that follow() names. A burst of
// changes is told once, when it is over, or while it lasts, once in a while. What changed is not told: who hears of it
// looks again. That the path leads to another folder than before, or to none, is told as well, at most a second later,
// also where a folder above was moved, which inotify does not tell. Where the system has no more watches it says so,
// and who needs to know looks by the clock. The callback runs on a thread of the watch.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "search/descriptor.h"

namespace lode::search {

class FolderWatch {
 public:
  // Nothing is watched before follow(). Errors: unavailable where the system gives no inotify.
  static Result<std::unique_ptr<FolderWatch>> start(std::string folder, std::function<void()> changed);
  ~FolderWatch();

  // Exactly these are watched from here on, as they lie on the disk now: "" for the folder itself, "a/", "a/b/". True:
  // one of them was not watched before, so what changed in it since it was read was not told. One thread calls.
  bool follow(std::span<const std::string> folders);
  // False: some folder is not watched, because the system's limit was met.
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  // Which folder the path leads to; 0, 0 where it leads to none.
  struct Place {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  FolderWatch(std::string folder, std::function<void()> changed, Descriptor events, Descriptor wake);
  void run(const std::stop_token& stop);
  // Whether any event that counts was there.
  bool read_events();
  [[nodiscard]] Place place() const;

  std::string folder_;
  std::function<void()> changed_;
  Descriptor events_;
  Descriptor wake_;
  std::atomic<bool> is_whole_ = true;
  bool has_warned_ = false;
  std::mutex mutex_;
  std::vector<int> numbers_;  // of what is watched, ascending
  Place seen_;                // of the thread, once it runs
  std::jthread thread_;       // last: ends before the rest goes
};

}  // namespace lode::search
