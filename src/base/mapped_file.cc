#include "base/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace lode {

namespace {

std::unexpected<Error> os_error(const std::filesystem::path& path, std::string_view action, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::not_found : Code::io;
  return fail(code, fmt::format("cannot {} {}: {}", action, path.string(), std::generic_category().message(error)));
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

struct RegularFile {
  Descriptor file;
  struct stat info;
};

Result<RegularFile> open_regular(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a named pipe must not wait for its writer; it is refused below.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return os_error(path, "open", errno);
  struct stat info{};
  if (::fstat(file.fd(), &info) != 0) return os_error(path, "open", errno);
  if (S_ISDIR(info.st_mode)) return fail(Code::io, fmt::format("{} is a folder, expected a file", path.string()));
  if (!S_ISREG(info.st_mode)) return fail(Code::io, fmt::format("{} is not a regular file", path.string()));
  return RegularFile{std::move(file), info};
}

// From where the descriptor is to the end.
Result<std::string> read_all(const Descriptor& file, const struct stat& info, const std::filesystem::path& path,
                             size_t max_bytes) {
  const auto too_large = [&](std::string_view seen) {
    return fail(Code::too_large, fmt::format("{} has {} bytes, at most {} are read", path.string(), seen, max_bytes));
  };
  size_t room = size_t{1} << 16;
  if (S_ISREG(info.st_mode) && info.st_size > 0) {
    if (static_cast<size_t>(info.st_size) > max_bytes) return too_large(std::to_string(info.st_size));
    room = static_cast<size_t>(info.st_size) + 1;  // one more, so that the end of the file is seen without growing
  }

  // Read until the end rather than st_size bytes: pipes and /proc files have no size.
  std::string out;
  size_t n = 0;
  while (true) {
    if (n == out.size()) out.resize(std::max(room, out.size() * 2));
    const ssize_t got = ::read(file.fd(), out.data() + n, out.size() - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error(path, "read", errno);
    if (got == 0) break;
    n += static_cast<size_t>(got);
    if (n > max_bytes) return too_large(fmt::format("more than {}", max_bytes));
  }
  out.resize(n);
  return out;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  LODE_ASSIGN(const RegularFile regular, open_regular(path));
  const auto& [file, info] = regular;

  MappedFile mapped;
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return mapped;  // the kernel maps no empty range
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
  if (data == MAP_FAILED) return os_error(path, "map", errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(const std::byte* data, size_t n_bytes) const {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  LODE_CHECK(data >= data_ && n_bytes <= size_ && data <= data_ + (size_ - n_bytes));
  if (n_bytes == 0) return;
  const size_t offset = static_cast<size_t>(data - data_);
  const size_t end_of_range = offset + n_bytes;
  const size_t begin = (offset + page - 1) / page * page;
  // The page that holds the end of the file belongs to the last range.
  const size_t end = end_of_range == size_ ? size_ : end_of_range / page * page;
  if (begin >= end) return;
  // Only advice: when the kernel declines, the pages merely stay resident.
  ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return os_error(path, "open", errno);
  struct stat info{};
  if (::fstat(file.fd(), &info) != 0) return os_error(path, "open", errno);
  if (S_ISDIR(info.st_mode)) return fail(Code::io, fmt::format("{} is a folder, expected a file", path.string()));
  return read_all(file, info, path, max_bytes);
}

Result<std::string> read_regular_file(const std::filesystem::path& path, size_t max_bytes) {
  LODE_ASSIGN(const RegularFile regular, open_regular(path));
  return read_all(regular.file, regular.info, path, max_bytes);
}

}  // namespace lode
