// A file read from front to back, unpacked on the way when its first bytes are those of gzip or xz. zlib and liblzma
// are hidden in compressed_file.cc. Errors: io; corrupt for packed bytes that contradict themselves or end too early;
// too_large beyond a limit. One thread at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode {

// While it lives, it keeps the paths that CompressedFile::open() opened on its thread, each once, in their order: what
// a result was made of. The innermost one counts.
class OpenedFiles {
 public:
  OpenedFiles();
  OpenedFiles(const OpenedFiles&) = delete;
  OpenedFiles& operator=(const OpenedFiles&) = delete;
  ~OpenedFiles();

  [[nodiscard]] const std::vector<std::filesystem::path>& paths() const { return paths_; }

 private:
  friend class CompressedFile;
  OpenedFiles* outer_;
  std::vector<std::filesystem::path> paths_;
};

class CompressedFile {
 public:
  static Result<CompressedFile> open(const std::filesystem::path& path);
  CompressedFile(CompressedFile&&) noexcept;
  CompressedFile& operator=(CompressedFile&&) noexcept;
  ~CompressedFile();

  // How many bytes of `out` were filled: all of them, but for the end of the file.
  Result<size_t> read(std::span<char> out);

 private:
  struct Impl;
  explicit CompressedFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The whole file, unpacked; refuses more than max_bytes.
Result<std::string> read_compressed(const std::filesystem::path& path, size_t max_bytes = size_t{4} << 30);

}  // namespace lode
