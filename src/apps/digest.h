// Checksums of files as they stream by: SHA-256 (large files on the hub) and the git blob id (small ones, SHA-1 over a
// header with the size). OpenSSL is hidden in digest.cc. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_md_ctx_st;

namespace lode::apps {

class Digest {
 public:
  static Digest sha256();
  static Digest git_blob(uint64_t n_bytes);  // the size of the whole file

  void add(std::span<const std::byte> bytes);
  // Lower-case hex of what was added so far; once.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  Digest();
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// SHA-256 of a file's bytes, as sha256sum prints it. `on_bytes` is told of each piece that was read. Errors: io,
// cancelled.
Result<std::string> file_sha256(const std::filesystem::path& path,
                                const std::function<void(size_t n_bytes)>& on_bytes = {});
// Of these bytes.
std::string sha256(std::string_view bytes);

}  // namespace lode::apps
