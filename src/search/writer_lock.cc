#include "search/writer_lock.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/file.h>

namespace lode::search {
namespace {

constexpr std::chrono::milliseconds kAskAgain{50};

std::unexpected<Error> lock_refused(const std::filesystem::path& path, int number) {
  const bool forbidden = number == EACCES || number == EPERM || number == EROFS;
  return fail(forbidden ? Code::permission : Code::io,
              fmt::format("cannot write {}: {}", path.string(), std::generic_category().message(number)),
              forbidden ? "Put the index where you may write with --index, or set LODE_HOME"
                        : "Free space, or put the index elsewhere with --index");
}

std::string holder_of(int file) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(file, text.data(), text.size(), 0);
  const std::string_view digits(text.data(), n > 0 ? static_cast<size_t>(n) : 0);
  const auto end = std::ranges::find_if(digits, [](char c) { return c < '0' || c > '9'; });
  return end == digits.begin() ? "another process" : "process " + std::string(digits.begin(), end);
}

}  // namespace

Result<WriterLock> WriterLock::take(const std::filesystem::path& index, std::chrono::milliseconds patience) {
  std::error_code error;
  std::filesystem::create_directories(index, error);
  if (error) return lock_refused(index, error.value());
  const std::filesystem::path path = index / "lock";
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file.is_open()) return lock_refused(path, errno);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return lock_refused(path, errno);
    if (std::chrono::steady_clock::now() >= end) {
      return fail(Code::unavailable, fmt::format("{} writes the index {}", holder_of(file.number()), index.string()),
                  "Wait until it is done, or end it; what it has committed stays");
    }
    std::this_thread::sleep_for(kAskAgain);
  }
  const std::string text = fmt::format("{}\n", ::getpid());
  // Only a courtesy to who waits: a full disk must not keep anybody from the lock.
  if (::ftruncate(file.number(), 0) == 0 && ::pwrite(file.number(), text.data(), text.size(), 0) < 0) errno = 0;
  return WriterLock(std::move(file));
}

}  // namespace lode::search
