// Who writes an index: one process at a time. The lock is the system's (flock), so it goes with its holder however that
// ends; the file beside the index only says who it is. One thread.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "search/descriptor.h"

namespace lode::search {

class WriterLock {
 public:
  // Makes the folder where it is missing, and waits so long for another holder. Errors: unavailable, naming the
  // holder's process; permission, io.
  static Result<WriterLock> take(const std::filesystem::path& index, std::chrono::milliseconds patience);

 private:
  explicit WriterLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace lode::search
