// The keys of a GGUF file that share a prefix ("llama.block_count" and its like), read by kind. Errors name the file,
// the key, what it is and what was expected: Code::corrupt where it is missing or of another kind. The file must
// outlive the object. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/gguf.h"

namespace lode::gguf {

class Keys {
 public:
  // `what` names the file in errors.
  Keys(const File& file, std::string_view what, std::string prefix)
      : file_(file), what_(what), prefix_(std::move(prefix)) {}

  [[nodiscard]] const File& file() const { return file_; }
  [[nodiscard]] std::string_view what() const { return what_; }
  // Keys go without the prefix.
  [[nodiscard]] const Value* find(std::string_view key) const { return file_.find(prefix_ + std::string(key)); }

  // Empty where there is no such key.
  [[nodiscard]] Result<std::optional<int64_t>> integer(std::string_view key) const;
  [[nodiscard]] Result<std::optional<double>> number(std::string_view key) const;  // finite
  [[nodiscard]] Result<std::optional<bool>> flag(std::string_view key) const;

  [[nodiscard]] Result<int64_t> needed_integer(std::string_view key) const;
  [[nodiscard]] Result<double> needed_number(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> needed_string(std::string_view key) const;

  // "FILE: llama.block_count is u32 (or missing), expected ...".
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view key, std::string_view expected) const;
  // The same for a number of the right kind that cannot be: it is shown.
  [[nodiscard]] std::unexpected<Error> out_of_range(std::string_view key, int64_t seen,
                                                    std::string_view expected) const;
  // For a value that is in order but not supported: Code::unsupported.
  [[nodiscard]] std::unexpected<Error> refused(std::string_view key, std::string_view seen,
                                               std::string_view expected) const;

 private:
  const File& file_;
  std::string_view what_;
  std::string prefix_;
};

}  // namespace lode::gguf
