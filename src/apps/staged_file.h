// A file that appears under its name only when it is whole: bytes go to a temporary file beside it, which commit()
// brings to disk and renames; without commit() it goes with the object. Errors: io. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

class StagedFile {
 public:
  explicit StagedFile(std::string path);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  // Before hours of work: whether so many bytes fit.
  [[nodiscard]] Status check_space(uint64_t n_bytes) const;
  Status open();
  Status write(const void* data, size_t n_bytes);
  Status rewind();
  Status commit();

 private:
  [[nodiscard]] Status failed(std::string_view what) const;

  std::string path_;
  std::string staged_;
  std::FILE* file_ = nullptr;
  bool opened_ = false;
};

Status write_whole_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace lode::apps
