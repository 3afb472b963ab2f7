#include "search/folder_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/log.h"

namespace lode::search {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
// So long nothing happens before a burst is over, and so long at most it is waited for.
constexpr std::chrono::milliseconds kQuiet{150};
constexpr std::chrono::milliseconds kLongest{2000};

}  // namespace

Result<std::unique_ptr<FolderWatch>> FolderWatch::start(std::string folder, std::function<void()> changed) {
  Descriptor events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  Descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!events.is_open() || !wake.is_open()) {
    return fail(Code::unavailable, "the system gives no inotify, so changes are looked for by the clock",
                "Raise fs.inotify.max_user_instances.");
  }
  return std::unique_ptr<FolderWatch>(
      new FolderWatch(std::move(folder), std::move(changed), std::move(events), std::move(wake)));
}

FolderWatch::FolderWatch(std::string folder, std::function<void()> changed, Descriptor events, Descriptor wake)
    : folder_(std::move(folder)), changed_(std::move(changed)), events_(std::move(events)), wake_(std::move(wake)) {
  add("");
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FolderWatch::~FolderWatch() {
  thread_.request_stop();
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(wake_.number(), &one, sizeof one);
}

void FolderWatch::add(const std::string& folder) {
  const std::scoped_lock lock(mutex_);
  if (numbers_.contains(folder)) return;
  const std::string path = folder_ + "/" + folder;
  const int number = ::inotify_add_watch(events_.number(), path.c_str(), kEvents);
  if (number >= 0) {
    // A folder that was moved keeps its number under its new name.
    if (const auto old = folders_.find(number); old != folders_.end()) numbers_.erase(old->second);
    folders_[number] = folder;
    numbers_[folder] = number;
  } else if (errno == ENOSPC && is_whole_.exchange(false)) {
    log::warn(
        "{} folders of {} are watched and the system lets no more be (fs.inotify.max_user_watches): changes "
        "elsewhere are seen within a minute",
        numbers_.size(), folder_);
  }
}

void FolderWatch::follow(const std::vector<TreeFile>& files) {
  std::string last;
  for (const TreeFile& file : files) {
    const std::string_view folder = std::string_view(file.path).substr(0, file.path.find_last_of('/') + 1);
    if (folder == last) continue;
    last = folder;
    for (size_t slash = folder.find('/'); slash != std::string_view::npos; slash = folder.find('/', slash + 1)) {
      add(std::string(folder.substr(0, slash + 1)));
    }
  }
}

bool FolderWatch::read_events() {
  alignas(inotify_event) std::array<char, size_t{64} << 10> buffer;
  bool counts = false;
  for (;;) {
    const ssize_t n = ::read(events_.number(), buffer.data(), buffer.size());
    if (n <= 0) return counts;
    std::vector<std::string> fresh;
    for (ssize_t at = 0; at < n;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      const std::string_view name = event->len > 0 ? std::string_view(event->name) : std::string_view();
      const std::scoped_lock lock(mutex_);
      const auto known = folders_.find(event->wd);
      if ((event->mask & IN_IGNORED) != 0) {
        if (known != folders_.end()) {
          numbers_.erase(known->second);
          folders_.erase(known);
        }
        continue;
      }
      if (name == ".git") continue;
      counts = true;
      const bool is_new_folder = (event->mask & IN_ISDIR) != 0 && (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
      if (is_new_folder && known != folders_.end()) fresh.push_back(known->second + std::string(name) + "/");
    }
    for (const std::string& folder : fresh) add(folder);
  }
}

void FolderWatch::run(const std::stop_token& stop) {
  Clock::time_point burst_began;
  bool in_burst = false;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> ask{{{events_.number(), POLLIN, 0}, {wake_.number(), POLLIN, 0}}};
    const int n = ::poll(ask.data(), ask.size(), in_burst ? static_cast<int>(kQuiet.count()) : -1);
    if (stop.stop_requested()) return;
    const bool counts = n > 0 && read_events();
    if (counts && !in_burst) {
      in_burst = true;
      burst_began = Clock::now();
    }
    if (!in_burst || (n > 0 && Clock::now() - burst_began < kLongest)) continue;
    in_burst = false;
    changed_();
  }
}

}  // namespace lode::search
