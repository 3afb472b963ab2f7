#include "search/vector_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "search/descriptor.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;

// Header: magic, n_dims, the identity's hash, zeros. Block: content's hash, path's hash, n_rows, zeros, then the rows.
constexpr std::string_view kMagic = "LODEVEC1";
constexpr size_t kHeaderBytes = 32;
constexpr size_t kBlockHeadBytes = 40;
constexpr size_t kPathHashAt = 16;
constexpr size_t kNumberOfRowsAt = 24;
constexpr size_t kKeyBytes = 16;
constexpr size_t kRowHeadBytes = kKeyBytes + sizeof(float);
constexpr uint32_t kMostRows = 1U << 24;  // of a content

uint64_t hash64(std::string_view bytes) {
  uint64_t out = 0;
  std::memcpy(&out, content_hash(bytes).data(), sizeof out);
  return out;
}

std::string header_of(std::string_view identity, int64_t n_dims) {
  std::string out(kMagic);
  const auto dims = static_cast<uint64_t>(n_dims);
  const uint64_t hash = hash64(identity);
  out.append(reinterpret_cast<const char*>(&dims), sizeof dims);
  out.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  out.resize(kHeaderBytes);
  return out;
}

template <class T>
T read_as(const char* bytes) {
  T out;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

}  // namespace

index::VectorKey VectorRow::key() const {
  return {.low = read_as<uint64_t>(bytes_), .high = read_as<uint64_t>(bytes_ + sizeof(uint64_t))};
}
float VectorRow::scale() const {
  return read_as<float>(bytes_ + kKeyBytes);
}
const int8_t* VectorRow::components() const {
  return reinterpret_cast<const int8_t*>(bytes_ + kRowHeadBytes);
}

BlockKey block_key(const ContentHash& content, std::string_view path) {
  return {.content = content, .path = hash64(path)};
}

size_t VectorFile::Hash::operator()(const BlockKey& key) const {
  return read_as<size_t>(reinterpret_cast<const char*>(key.content.data())) ^ key.path;
}

size_t VectorFile::row_bytes() const {
  return kRowHeadBytes + static_cast<size_t>(n_dims_);
}

Result<VectorFile> VectorFile::open(const fs::path& index, std::string_view identity, int64_t n_dims) {
  VectorFile out;
  out.identity_ = identity;
  out.n_dims_ = n_dims;
  out.path_ = path_in(index, identity);
  LODE_TRY(out.read());
  return out;
}

fs::path VectorFile::path_in(const fs::path& index, std::string_view identity) {
  return index / fmt::format("vectors-{:016x}.i8", hash64(identity));
}

bool VectorFile::any_in(const fs::path& index) {
  std::error_code error;
  for (fs::directory_iterator it(index, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("vectors-") && name.ends_with(".i8")) return true;
  }
  return false;
}

Status VectorFile::refresh() {
  struct stat status{};
  const bool is_there = ::stat(path_.c_str(), &status) == 0;
  const bool is_same = is_there ? status.st_ino == inode_ && std::cmp_equal(status.st_size, end_) : inode_ == 0;
  return is_same ? Status() : read();
}

Status VectorFile::read() {
  blocks_.clear();
  n_numbers_ = 0;
  end_ = kHeaderBytes;
  inode_ = 0;
  file_.reset();
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0) return {};
  inode_ = status.st_ino;
  LODE_ASSIGN(MappedFile file, MappedFile::open(path_));
  file_ = std::make_shared<MappedFile>(std::move(file));
  const std::string_view bytes = file_->text();
  if (bytes.size() < kHeaderBytes) return {};  // a writer that was killed at its first step
  if (bytes.substr(0, kHeaderBytes) != header_of(identity_, n_dims_)) {
    return fail(Code::corrupt, fmt::format("{} has vectors of another format or model", path_.string()),
                "Delete it: the next lode index makes it anew.");
  }
  end_ = each_block([&](const char* head, size_t n_rows) {
    BlockKey key{.path = read_as<uint64_t>(head + kPathHashAt)};
    std::memcpy(key.content.data(), head, key.content.size());
    blocks_[key] = {.rows = static_cast<size_t>(head - bytes.data()) + kBlockHeadBytes,
                    .number = n_numbers_,
                    .n_rows = static_cast<uint32_t>(n_rows)};
    n_numbers_ += n_rows;
    return true;
  });
  return {};
}

size_t VectorFile::each_block(const std::function<bool(const char*, size_t)>& visit) const {
  const std::string_view bytes = file_ == nullptr ? std::string_view() : file_->text();
  size_t end = kHeaderBytes;
  while (bytes.size() >= end + kBlockHeadBytes) {
    const char* const head = bytes.data() + end;
    const auto n_rows = read_as<uint64_t>(head + kNumberOfRowsAt);
    const size_t left = bytes.size() - end - kBlockHeadBytes;
    if (n_rows > kMostRows || n_rows * row_bytes() > left) break;
    end += kBlockHeadBytes + n_rows * row_bytes();
    if (!visit(head, n_rows)) break;
  }
  return end;
}

std::vector<VectorRow> VectorFile::numbered_rows() const {
  std::vector<VectorRow> out;
  out.reserve(n_numbers_);
  each_block([&](const char* head, size_t n_rows) {
    for (size_t i = 0; i < n_rows; ++i) out.emplace_back(head + kBlockHeadBytes + i * row_bytes());
    return true;
  });
  return out;
}

uint64_t VectorFile::check_of_rows(size_t n_rows) const {
  uint64_t out = 0;
  size_t n_seen = 0;
  if (n_rows == 0) return out;
  each_block([&](const char* head, size_t n) {
    std::array<char, sizeof out + kBlockHeadBytes> joined;
    std::memcpy(joined.data(), &out, sizeof out);
    std::memcpy(joined.data() + sizeof out, head, kBlockHeadBytes);
    out = hash64({joined.data(), joined.size()});
    n_seen += n;
    return n_seen < n_rows;
  });
  return out;
}

size_t VectorFile::first_number(const BlockKey& key) const {
  const auto found = blocks_.find(key);
  return found == blocks_.end() ? 0 : found->second.number;
}

size_t VectorFile::n_rows(const BlockKey& key) const {
  const auto found = blocks_.find(key);
  return found == blocks_.end() ? 0 : found->second.n_rows;
}

VectorRow VectorFile::row(const BlockKey& key, size_t chunk) const {
  const auto found = blocks_.find(key);
  if (found == blocks_.end() || chunk >= found->second.n_rows || file_ == nullptr) return {};
  const size_t at = found->second.rows + chunk * row_bytes();
  const std::string_view bytes = file_->text();
  return at + row_bytes() <= bytes.size() ? VectorRow(bytes.data() + at) : VectorRow();
}

Status VectorFile::append(const BlockKey& key, std::span<const index::VectorKey> keys, std::span<const float> vectors) {
  LODE_CHECK(vectors.size() == keys.size() * static_cast<size_t>(n_dims_) && keys.size() <= kMostRows);
  std::string block(bytes_of(key.content));
  const uint64_t n_rows = keys.size();
  block.append(reinterpret_cast<const char*>(&key.path), sizeof key.path);
  block.append(reinterpret_cast<const char*>(&n_rows), sizeof n_rows);
  block.resize(kBlockHeadBytes);
  constexpr float kMost = 127;
  for (size_t i = 0; i < keys.size(); ++i) {
    block.append(reinterpret_cast<const char*>(&keys[i].low), sizeof keys[i].low);
    block.append(reinterpret_cast<const char*>(&keys[i].high), sizeof keys[i].high);
    const std::span<const float> vector =
        vectors.subspan(i * static_cast<size_t>(n_dims_), static_cast<size_t>(n_dims_));
    float most = 0;
    for (const float x : vector) most = std::max(most, std::abs(x));
    const float scale = most / kMost;
    block.append(reinterpret_cast<const char*>(&scale), sizeof scale);
    for (const float x : vector) block += static_cast<char>(scale > 0 ? std::lround(x / scale) : 0);
  }
  const Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file.is_open()) return file_failed(path_, "open", errno);
  if (end_ == kHeaderBytes) LODE_TRY(write_at(file, path_, header_of(identity_, n_dims_), 0));
  // What a writer that was killed left behind the last whole block.
  if (::ftruncate(file.number(), static_cast<off_t>(end_)) != 0) return file_failed(path_, "shorten", errno);
  if (Status written = write_at(file, path_, block, end_); !written) {
    if (::ftruncate(file.number(), static_cast<off_t>(end_)) != 0) return file_failed(path_, "shorten", errno);
    return written;
  }
  struct stat status{};
  if (::fstat(file.number(), &status) == 0) inode_ = status.st_ino;
  blocks_[key] = {.rows = end_ + kBlockHeadBytes, .number = n_numbers_, .n_rows = static_cast<uint32_t>(n_rows)};
  n_numbers_ += n_rows;
  end_ += block.size();
  return {};
}

Status VectorFile::compact(const std::function<bool(const BlockKey&)>& is_wanted) {
  size_t live = kHeaderBytes;
  for (const auto& [key, block] : blocks_) {
    if (is_wanted(key)) live += kBlockHeadBytes + block.n_rows * row_bytes();
  }
  if (2 * live > end_ || end_ == kHeaderBytes) return {};
  LODE_TRY(read());  // what was appended is not mapped yet
  fs::path beside = path_;
  beside += ".new";
  std::error_code error;
  fs::remove(beside, error);
  const Descriptor file(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file.is_open()) return file_failed(beside, "open", errno);
  LODE_TRY(write_at(file, beside, header_of(identity_, n_dims_), 0));
  size_t at = kHeaderBytes;
  for (const auto& [key, block] : blocks_) {
    if (!is_wanted(key)) continue;
    const size_t n_bytes = kBlockHeadBytes + block.n_rows * row_bytes();
    LODE_TRY(write_at(file, beside, file_->text().substr(block.rows - kBlockHeadBytes, n_bytes), at));
    at += n_bytes;
  }
  fs::rename(beside, path_, error);
  if (error) return file_failed(path_, "replace", error.value());
  return read();
}

}  // namespace lode::search
