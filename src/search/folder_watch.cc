#include "search/folder_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/log.h"

namespace lode::search {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
// So long nothing happens before a burst is over, and so long at most it is waited for.
constexpr std::chrono::milliseconds kQuiet{150};
constexpr std::chrono::milliseconds kLongest{2000};
// So often the path is looked at: does it still lead to the same folder?
constexpr std::chrono::milliseconds kLookAtPath{1000};

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
  seen_ = place();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FolderWatch::~FolderWatch() {
  thread_.request_stop();
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(wake_.number(), &one, sizeof one);
}

// A folder that is watched already keeps its number, whatever its path is now, and another one that has taken its path
// gets a new one: so all are added each time, which costs less than the walk that found them.
bool FolderWatch::follow(std::span<const std::string> folders) {
  const std::scoped_lock lock(mutex_);
  std::vector<int> now;
  now.reserve(folders.size());
  bool is_whole = true;
  for (const std::string& folder : folders) {
    const int number = ::inotify_add_watch(events_.number(), (folder_ + "/" + folder).c_str(), kEvents);
    if (number >= 0) {
      now.push_back(number);
    } else if (errno == ENOSPC) {
      is_whole = false;
    }  // else it went meanwhile, and the folder above it tells
  }
  std::ranges::sort(now);
  now.erase(std::ranges::unique(now).begin(), now.end());
  for (const int number : numbers_) {
    if (!std::ranges::binary_search(now, number)) ::inotify_rm_watch(events_.number(), number);
  }
  const bool has_new = !std::ranges::includes(numbers_, now);
  numbers_ = std::move(now);
  is_whole_ = is_whole;
  if (!is_whole && !std::exchange(has_warned_, true)) {
    log::warn(
        "{} folders of {} are watched and the system lets no more be (fs.inotify.max_user_watches): changes "
        "elsewhere are seen within a minute",
        numbers_.size(), folder_);
  }
  return has_new;
}

bool FolderWatch::read_events() {
  alignas(inotify_event) std::array<char, size_t{64} << 10> buffer;
  bool counts = false;
  for (;;) {
    const ssize_t n = ::read(events_.number(), buffer.data(), buffer.size());
    if (n <= 0) return counts;
    const std::scoped_lock lock(mutex_);
    for (ssize_t at = 0; at < n;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      const std::string_view name = event->len > 0 ? std::string_view(event->name) : std::string_view();
      // What was lost of a queue that ran over may have been anywhere.
      if ((event->mask & IN_Q_OVERFLOW) != 0) counts = true;
      const auto known = std::ranges::lower_bound(numbers_, event->wd);
      if (known == numbers_.end() || *known != event->wd) continue;
      if ((event->mask & IN_IGNORED) != 0) {
        numbers_.erase(known);  // the folder is no more
      } else if (name != ".git") {
        counts = true;
      }
    }
  }
}

FolderWatch::Place FolderWatch::place() const {
  struct stat info{};
  if (::stat(folder_.c_str(), &info) != 0) return {};
  return {.device = info.st_dev, .inode = info.st_ino};
}

void FolderWatch::run(const std::stop_token& stop) {
  Clock::time_point burst_began;
  bool in_burst = false;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> ask{{{events_.number(), POLLIN, 0}, {wake_.number(), POLLIN, 0}}};
    const int n = ::poll(ask.data(), ask.size(), static_cast<int>((in_burst ? kQuiet : kLookAtPath).count()));
    if (stop.stop_requested()) return;
    bool counts = n > 0 && read_events();
    // While events come too: they may be of a folder that the path leads to no more.
    if (const Place now = place(); now != seen_) {
      seen_ = now;
      counts = true;
    }
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
