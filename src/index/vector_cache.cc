#include "index/vector_cache.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>
#include <xxhash.h>

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/mapped_file.h"
#include "index/key_rows.h"

namespace lode::index {

// Files hold numbers as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> kMagic = {'L', 'O', 'D', 'E', 'V', 'E', 'C', '1'};
constexpr size_t kMaxIdentity = size_t{1} << 20;

struct Header {
  std::array<char, 8> magic{};
  uint64_t n_dims = 0;
  uint64_t check = 0;  // of magic, n_dims and the identity
};
static_assert(sizeof(Header) == 24);

struct Entry {
  VectorKey key;
  uint64_t check = 0;
};
static_assert(sizeof(Entry) == 24);

Header header_of(std::string_view identity, int64_t n_dims) {
  Header header{.magic = kMagic, .n_dims = static_cast<uint64_t>(n_dims), .check = 0};
  header.check = XXH3_64bits_withSeed(identity.data(), identity.size(), header.n_dims);
  return header;
}

// The key is the seed, so that a row under another's key does not match either.
uint64_t check_of(const VectorKey& key, std::span<const float> row) {
  return XXH3_64bits_withSeed(row.data(), row.size_bytes(), key.low ^ std::rotl(key.high, 1));
}

struct KeyHash {
  size_t operator()(const VectorKey& key) const { return key.low; }
};

class File {
 public:
  File() = default;
  File(fs::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  File(File&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::unexpected<Error> error(std::string_view action) const { return error(action, errno); }
  [[nodiscard]] std::unexpected<Error> error(std::string_view action, int number) const {
    return fail(Code::io,
                fmt::format("cannot {} {}: {}", action, path_.string(), std::generic_category().message(number)));
  }
  [[nodiscard]] Result<uint64_t> size() const {
    struct stat info{};
    if (::fstat(fd_, &info) != 0) return error("read");
    return static_cast<uint64_t>(info.st_size);
  }
  // All of the bytes; an error where the file is shorter.
  Status read(std::span<std::byte> bytes, uint64_t offset) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return error("read", n < 0 ? errno : ENODATA);
      bytes = bytes.subspan(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }
  Status write(std::span<const std::byte> bytes, uint64_t offset) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return error("write", n < 0 ? errno : ENOSPC);
      bytes = bytes.subspan(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }
  Status resize(uint64_t n_bytes) const {
    if (::ftruncate(fd_, static_cast<off_t>(n_bytes)) != 0) return error("shorten");
    return {};
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

// For writing, or, where that is not allowed, for reading.
Result<File> open_file(const fs::path& path, bool& writable) {
  int fd = -1;
  if (writable) fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 && (!writable || errno == EACCES || errno == EROFS || errno == EPERM)) {
    writable = false;
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  }
  File file(path, fd);
  if (fd < 0) return file.error("open");
  return file;
}

class Lock {
 public:
  static Result<Lock> take(const File& file) {
    while (::flock(file.fd(), LOCK_EX) != 0) {
      if (errno != EINTR) return file.error("lock");
    }
    return Lock(file.fd());
  }
  explicit Lock(int fd) : fd_(fd) {}
  Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (fd_ >= 0) ::flock(fd_, LOCK_UN);
  }

 private:
  int fd_;
};

}  // namespace

VectorKey vector_key(std::string_view prompt, std::string_view text) {
  // The length in front: "a" + "bc" is not "ab" + "c".
  std::string whole;
  whole.reserve(sizeof(uint64_t) + prompt.size() + text.size());
  const uint64_t n_prompt = prompt.size();
  whole.append(reinterpret_cast<const char*>(&n_prompt), sizeof n_prompt).append(prompt).append(text);
  const XXH128_hash_t hash = XXH3_128bits(whole.data(), whole.size());
  return {hash.low64, hash.high64};
}

struct VectorCache::Impl {
  fs::path folder;
  File keys;
  File vectors;
  bool writable = true;
  size_t n_dims = 0;
  size_t n_damaged = 0;
  KeyRows<Entry, KeyHash> rows;  // that this process knows of

  [[nodiscard]] uint64_t row_bytes() const { return n_dims * sizeof(float); }
  static uint64_t keys_bytes(uint64_t n) { return sizeof(Header) + n * sizeof(Entry); }

  // With the lock held: whoever wrote last is done or dead.
  Status check_header(std::string_view identity) {
    const Header expected = header_of(identity, static_cast<int64_t>(n_dims));
    LODE_ASSIGN(const uint64_t size, keys.size());
    if (size < sizeof(Header) && writable) {  // new, or killed before the first row
      LODE_TRY(keys.resize(0));
      LODE_TRY(vectors.resize(0));
      return keys.write(std::as_bytes(std::span(&expected, 1)), 0);
    }
    Header seen;
    LODE_TRY(keys.read(std::as_writable_bytes(std::span(&seen, 1)), 0));
    if (std::memcmp(&seen, &expected, sizeof seen) == 0) return {};
    const std::string what = seen.magic != kMagic ? "keys is no file of vectors"
                             : seen.n_dims != n_dims
                                 ? fmt::format("it keeps vectors of {} dimensions, expected {}", seen.n_dims, n_dims)
                                 : "its header is damaged or of another model";
    return fail(Code::corrupt, fmt::format("{}: {}", folder.string(), what),
                "Remove that folder, or give --cache another one or --no-cache.");
  }

  // With the lock held: reads the entries behind those that are known, cuts off what a killed writer left.
  Status learn() {
    LODE_ASSIGN(const uint64_t n_key_bytes, keys.size());
    LODE_ASSIGN(const uint64_t n_vector_bytes, vectors.size());
    const uint64_t n_entries = n_key_bytes < sizeof(Header) ? 0 : (n_key_bytes - sizeof(Header)) / sizeof(Entry);
    const uint64_t n = std::min(n_entries, n_vector_bytes / row_bytes());
    if (n < rows.size()) return fail(Code::corrupt, fmt::format("{} became shorter", folder.string()));
    if (n > rows.kMostRows) return fail(Code::corrupt, fmt::format("{} has {} rows, too many", folder.string(), n));
    if (writable && n_key_bytes != keys_bytes(n)) LODE_TRY(keys.resize(keys_bytes(n)));
    if (writable && n_vector_bytes != n * row_bytes()) LODE_TRY(vectors.resize(n * row_bytes()));
    constexpr uint64_t kAtOnce = 1 << 16;
    std::vector<Entry> entries;
    while (rows.size() < n) {
      entries.resize(std::min(kAtOnce, n - rows.size()));
      LODE_TRY(keys.read(std::as_writable_bytes(std::span(entries)), keys_bytes(rows.size())));
      rows.append(entries);
    }
    return {};
  }

  // With the lock held, after learn().
  Status write(std::span<const Entry> entries, std::span<const float> values) {
    const uint64_t n_rows = rows.size();
    Status written = vectors.write(std::as_bytes(values), n_rows * row_bytes());
    if (written) written = keys.write(std::as_bytes(entries), keys_bytes(n_rows));
    if (!written) {
      static_cast<void>(keys.resize(keys_bytes(n_rows)));
      static_cast<void>(vectors.resize(n_rows * row_bytes()));
    }
    return written;
  }
};

VectorCache::VectorCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorCache::VectorCache(VectorCache&&) noexcept = default;
VectorCache& VectorCache::operator=(VectorCache&&) noexcept = default;
VectorCache::~VectorCache() = default;

Result<VectorCache> VectorCache::open(const fs::path& root, std::string_view identity, int64_t n_dims) {
  LODE_CHECK(n_dims > 0);
  auto impl = std::make_unique<Impl>();
  impl->n_dims = static_cast<size_t>(n_dims);
  const XXH128_hash_t hash = XXH3_128bits(identity.data(), identity.size());
  impl->folder = root / fmt::format("{:016x}", hash.high64);
  std::error_code error;
  fs::create_directories(impl->folder, error);
  if (error) return fail(Code::io, fmt::format("cannot make {}: {}", impl->folder.string(), error.message()));
  LODE_ASSIGN(impl->keys, open_file(impl->folder / "keys", impl->writable));
  LODE_ASSIGN(impl->vectors, open_file(impl->folder / "vectors", impl->writable));
  bool identity_writable = impl->writable;
  LODE_ASSIGN(const File about, open_file(impl->folder / "identity", identity_writable));
  LODE_ASSIGN(const Lock lock, Lock::take(impl->keys));
  LODE_TRY(impl->check_header(identity));
  LODE_ASSIGN(const std::string seen, read_file(impl->folder / "identity", kMaxIdentity));
  if (seen != identity && identity_writable) {  // new, or killed while it was written: the header's sum is right
    LODE_TRY(about.resize(0));
    LODE_TRY(about.write(std::as_bytes(std::span(identity)), 0));
  }
  LODE_TRY(impl->learn());
  return VectorCache(std::move(impl));
}

bool VectorCache::read(const VectorKey& key, std::span<float> row) {
  LODE_CHECK(row.size() == impl_->n_dims);
  const size_t found = impl_->rows.find(key);
  if (found == impl_->rows.npos) return false;
  const Status status = impl_->vectors.read(std::as_writable_bytes(row), found * impl_->row_bytes());
  if (status && check_of(key, row) == impl_->rows[found].check) return true;
  ++impl_->n_damaged;
  impl_->rows.drop(key);
  return false;
}

Status VectorCache::append(std::span<const VectorKey> keys, std::span<const float> rows) {
  LODE_CHECK(rows.size() == keys.size() * impl_->n_dims);
  if (keys.empty()) return {};
  if (!impl_->writable) return fail(Code::io, fmt::format("{} is read-only", impl_->folder.string()));
  std::vector<Entry> entries;
  entries.reserve(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    entries.push_back({keys[i], check_of(keys[i], rows.subspan(i * impl_->n_dims, impl_->n_dims))});
  }
  LODE_ASSIGN(const Lock lock, Lock::take(impl_->keys));
  LODE_TRY(impl_->learn());
  LODE_TRY(impl_->write(entries, rows));
  return impl_->learn();
}

Status VectorCache::refresh() {
  LODE_ASSIGN(const Lock lock, Lock::take(impl_->keys));
  return impl_->learn();
}

const fs::path& VectorCache::folder() const {
  return impl_->folder;
}
size_t VectorCache::n_rows() const {
  return impl_->rows.size();
}
uint64_t VectorCache::n_bytes() const {
  return Impl::keys_bytes(impl_->rows.size()) + impl_->rows.size() * impl_->row_bytes();
}
size_t VectorCache::n_damaged() const {
  return impl_->n_damaged;
}

}  // namespace lode::index
