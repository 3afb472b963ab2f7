#include "search/descriptor.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace lode::search {

std::unexpected<Error> file_failed(const std::filesystem::path& path, std::string_view what, int number) {
  return fail(number == EACCES || number == EPERM || number == EROFS ? Code::permission : Code::io,
              fmt::format("cannot {} {}: {}", what, path.string(), std::generic_category().message(number)),
              "Free space, or put the index elsewhere with --index");
}

Status write_at(const Descriptor& file, const std::filesystem::path& path, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return file_failed(path, "write", n < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
  return {};
}

}  // namespace lode::search
