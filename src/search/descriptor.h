// A file descriptor that is closed when its owner goes, and what the files of an index are written with. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "base/error.h"

namespace lode::search {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  // Who calls this closes it.
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// What failed for this errno, as a user of an index is to read it: "cannot write PATH: No space left on device".
// permission or io.
std::unexpected<Error> file_failed(const std::filesystem::path& path, std::string_view what, int number);

// All of the bytes, from position `at` on. Errors: those of file_failed.
Status write_at(const Descriptor& file, const std::filesystem::path& path, std::string_view bytes, uint64_t at);

}  // namespace lode::search
