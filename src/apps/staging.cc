#include "apps/staging.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "apps/command.h"
#include "apps/progress.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSpareBytes = 64 << 20;  // left free on the disk for everyone else
constexpr size_t kReadBytes = 1 << 20;

std::unexpected<Error> io_error(std::string_view what, const fs::path& path, int error) {
  return fail(Code::io, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(error)),
              error == ENOSPC || error == EDQUOT ? "Free some space, or set LODE_HOME to a folder on a larger disk"
              : error == EACCES || error == EROFS || error == EPERM ? "Set LODE_HOME to a folder that you may write to"
                                                                    : "");
}

Status sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd == -1) return io_error("open", folder, errno);
  const int failed = ::fsync(fd) == -1 ? errno : 0;
  ::close(fd);
  if (failed != 0 && failed != EINVAL) return io_error("sync", folder, failed);  // EINVAL: not on this file system
  return {};
}

}  // namespace

FileWriter::FileWriter(fs::path path, int fd, std::function<Digest()> new_digest)
    : path_(std::move(path)), fd_(fd), new_digest_(std::move(new_digest)), digest_(new_digest_()) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      new_digest_(std::move(other.new_digest_)),
      digest_(std::move(other.digest_)),
      size_(other.size_) {}

FileWriter::~FileWriter() {
  if (fd_ != -1) ::close(fd_);
}

Result<FileWriter> FileWriter::open(fs::path path, bool keep, std::function<Digest()> new_digest) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (keep ? 0 : O_TRUNC), 0644);
  if (fd == -1) return io_error("write", path, errno);
  FileWriter writer(std::move(path), fd, std::move(new_digest));
  std::vector<std::byte> buffer(kReadBytes);
  while (keep) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == -1 && errno == EINTR) continue;
    if (n == -1) return io_error("read", writer.path_, errno);
    if (n == 0) break;
    writer.digest_.add(std::span(buffer).first(static_cast<size_t>(n)));
    writer.size_ += static_cast<uint64_t>(n);
  }
  return writer;
}

Status FileWriter::append(std::span<const std::byte> bytes) {
  digest_.add(bytes);
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n == -1 && errno == EINTR) continue;
    if (n == -1) return io_error("write", path_, errno);
    size_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status FileWriter::restart() {
  if (::ftruncate(fd_, 0) == -1 || ::lseek(fd_, 0, SEEK_SET) == -1) return io_error("empty", path_, errno);
  digest_ = new_digest_();
  size_ = 0;
  return {};
}

Result<std::string> FileWriter::finish() {
  if (::fsync(fd_) == -1 && errno != EINVAL) return io_error("sync", path_, errno);
  return digest_.hex();
}

Staging::Staging(fs::path store, std::string name, int lock_fd)
    : store_(std::move(store)), name_(std::move(name)), folder_(store_ / ".pull" / name_), lock_fd_(lock_fd) {}

Staging::Staging(Staging&& other) noexcept
    : store_(std::move(other.store_)),
      name_(std::move(other.name_)),
      folder_(std::move(other.folder_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)) {}

// The lock file stays: removing it would let a third process lock a file that nobody else can see.
Staging::~Staging() {
  if (lock_fd_ != -1) ::close(lock_fd_);
}

Result<Staging> Staging::open(const fs::path& store, std::string name, const std::function<void()>& on_wait) {
  std::error_code error;
  const fs::path pull = store / ".pull";
  fs::create_directories(pull, error);
  if (error) return io_error("create", pull, error.value());
  const fs::path lock = pull / (name + ".lock");
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd == -1) return io_error("write", lock, errno);
  Staging staging(store, std::move(name), fd);
  bool waiting = false;
  while (::flock(fd, LOCK_EX | LOCK_NB) == -1) {
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error("lock", lock, errno);
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    if (!std::exchange(waiting, true)) on_wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  fs::create_directories(staging.folder_, error);
  if (error) return io_error("create", staging.folder_, error.value());
  return staging;
}

Status Staging::require_space(uint64_t n_bytes) const {
  struct statvfs disk{};
  if (::statvfs(folder_.c_str(), &disk) == -1) return io_error("look at the disk of", folder_, errno);
  const uint64_t free_bytes = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (n_bytes <= free_bytes && free_bytes - n_bytes >= kSpareBytes) return {};
  if (n_bytes == 0) return {};
  return fail(Code::io,
              fmt::format("{} needs {} on the disk of {}, which has {} free", name_, format_bytes(n_bytes),
                          store_.string(), format_bytes(free_bytes)),
              "Free some space, or set LODE_HOME to a folder on a larger disk");
}

Result<fs::path> Staging::place(const std::string& path) const {
  const fs::path target = folder_ / path;
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) return io_error("create", target.parent_path(), error.value());
  return target;
}

Status Staging::commit(std::span<const std::string> paths, bool replace) {
  std::error_code error;
  std::vector<fs::path> folders{folder_};
  std::vector<fs::path> extra;
  for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory() && !entry->is_symlink()) {
      folders.push_back(entry->path());
    } else if (std::ranges::find(paths, entry->path().lexically_relative(folder_).generic_string()) == paths.end()) {
      extra.push_back(entry->path());
    }
  }
  if (error) return io_error("list", folder_, error.value());
  for (const fs::path& path : extra) fs::remove(path, error);
  for (auto path = folders.rbegin(); path != folders.rend(); ++path) {
    const bool removed = *path != folder_ && fs::remove(*path, error);  // only empty ones go
    if (!removed) LODE_TRY(sync_folder(*path));
  }
  const fs::path target = store_ / name_;
  const fs::path old = store_ / ".pull" / (name_ + ".old");
  if (replace) {
    fs::remove_all(old, error);
    if (::rename(target.c_str(), old.c_str()) == -1 && errno != ENOENT) return io_error("move away", target, errno);
  }
  if (::rename(folder_.c_str(), target.c_str()) == -1) {
    const int failed = errno;
    if (failed == EEXIST || failed == ENOTEMPTY || failed == ENOTDIR) {
      return fail(Code::io, fmt::format("{} is in the way, expected nothing there", target.string()),
                  "Move it away and run the command again");
    }
    return io_error("rename to", target, failed);
  }
  fs::remove_all(old, error);
  return sync_folder(store_);
}

}  // namespace lode::apps
