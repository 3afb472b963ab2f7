// Where a model grows before it is in the store: $LODE_HOME/models/.pull/NAME, on the store's own disk, so that the
// last step is one rename and nobody ever sees half a model. One process at a time holds a model's staging folder (a
// lock file); what an interrupted run left there is found again by the next. Main thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "apps/digest.h"
#include "base/error.h"

namespace lode::apps {

// A file that is written front to back and hashed on the way.
class FileWriter {
 public:
  // Opens or creates `path`. With keep, what is there is kept (and hashed), else it is emptied.
  static Result<FileWriter> open(std::filesystem::path path, bool keep, std::function<Digest()> new_digest);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  [[nodiscard]] uint64_t size() const { return size_; }
  Status append(std::span<const std::byte> bytes);
  Status restart();  // empties the file
  // Everything on disk; the digest of the whole file in hex.
  Result<std::string> finish();

 private:
  FileWriter(std::filesystem::path path, int fd, std::function<Digest()> new_digest);
  std::filesystem::path path_;
  int fd_;
  std::function<Digest()> new_digest_;
  Digest digest_;
  uint64_t size_ = 0;
};

class Staging {
 public:
  // Waits while another process pulls the same model (on_wait is called once before), until interrupted().
  static Result<Staging> open(const std::filesystem::path& store, std::string name,
                              const std::function<void()>& on_wait);
  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  // Refuses when fewer than n_bytes (and a little room) are free on the store's disk.
  [[nodiscard]] Status require_space(uint64_t n_bytes) const;
  // Creates the folders above folder()/path and returns that path.
  [[nodiscard]] Result<std::filesystem::path> place(const std::string& path) const;
  // Removes everything but `paths`, brings the rest to disk and renames the folder to its place in the store. What is
  // there is an error, or gives way if `replace`.
  Status commit(std::span<const std::string> paths, bool replace = false);

 private:
  Staging(std::filesystem::path store, std::string name, int lock_fd);
  std::filesystem::path store_;
  std::string name_;
  std::filesystem::path folder_;
  int lock_fd_;
};

}  // namespace lode::apps
