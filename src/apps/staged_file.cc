#include "apps/staged_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "apps/progress.h"

namespace lode::apps {

namespace fs = std::filesystem;

StagedFile::StagedFile(std::string path) : path_(std::move(path)), staged_(fmt::format("{}.{}.tmp", path_, getpid())) {}

StagedFile::~StagedFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (opened_) std::remove(staged_.c_str());
}

Status StagedFile::check_space(uint64_t n_bytes) const {
  std::error_code error;
  const fs::path folder = fs::absolute(path_, error).parent_path();
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    return fail(Code::io, fmt::format("the output's folder {} cannot be written: {}", folder.string(), error.message()),
                "Name a folder that exists.");
  }
  if (space.available >= n_bytes) return {};
  return fail(Code::io,
              fmt::format("the output {} takes {}, {} has {} free", path_, format_bytes(n_bytes), folder.string(),
                          format_bytes(space.available)),
              "Free space or choose another disk.");
}

Status StagedFile::open() {
  file_ = std::fopen(staged_.c_str(), "wb");
  if (file_ == nullptr) return failed("cannot be created");
  opened_ = true;
  return {};
}

Status StagedFile::write(const void* data, size_t n_bytes) {
  if (std::fwrite(data, 1, n_bytes, file_) != n_bytes) return failed("cannot be written");
  return {};
}

Status StagedFile::rewind() {
  if (std::fseek(file_, 0, SEEK_SET) != 0) return failed("cannot be written");
  return {};
}

Status StagedFile::commit() {
  const bool flushed = std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
  const int error = errno;
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!flushed || !closed) {
    errno = flushed ? errno : error;
    return failed("cannot be written");
  }
  if (std::rename(staged_.c_str(), path_.c_str()) != 0) return failed("cannot be put in place");
  opened_ = false;
  return {};
}

Status StagedFile::failed(std::string_view what) const {
  return fail(Code::io, fmt::format("the output {} {}: {}", path_, what, std::strerror(errno)),
              "Check the folder, its permissions and the free space.");
}

Status write_whole_file(const std::filesystem::path& path, std::string_view bytes) {
  StagedFile file(path.string());
  LODE_TRY(file.open());
  LODE_TRY(file.write(bytes.data(), bytes.size()));
  return file.commit();
}

}  // namespace lode::apps
