// A read-only memory-mapped file. Pages come in when touched; release() gives clean pages of a range back to the kernel
// (they are read again if touched again), so that a load which folds or repacks weights does not keep the source
// resident. Immutable after open, so any thread may read. Nobody may shorten a file while it is mapped: touching a page
// that is gone ends the process. Replacing a file by renaming another one over it is fine.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  // Drops the whole pages inside [data, data + n_bytes) from this process; the range must lie in the mapping.
  void release(const std::byte* data, size_t n_bytes) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// The whole file as bytes, for small files; refuses more than max_bytes. Waits for the writer of a named pipe.
Result<std::string> read_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);
// The same of files that nobody would make a pipe, such as those of a model: what is none is refused without waiting.
Result<std::string> read_regular_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

}  // namespace lode
