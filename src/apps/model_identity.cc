#include "apps/model_identity.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/stat.h>

#include "apps/digest.h"
#include "apps/model_files.h"
#include "apps/model_store.h"
#include "apps/progress.h"
#include "base/gguf.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxMemory = size_t{64} << 20;
constexpr size_t kHexDigits = 64;

bool is_for_people(std::string_view path) {
  return path == "README.md" || path.starts_with("LICENSE") || path.starts_with("NOTICE");
}

// What a file is remembered by: all that changes when it does.
Result<std::string> stamp_of(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    return fail(Code::io, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  }
  return fmt::format("{}\t{}.{:09}\t{}.{:09}\t{}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ctim.tv_sec, info.st_ctim.tv_nsec, fs::absolute(file).string());
}

// "SHA-256, tab, stamp" a line; lines that are not so are passed over.
std::map<std::string, std::string> remembered(const fs::path& memory) {
  std::map<std::string, std::string> out;
  if (memory.empty()) return out;
  const auto text = read_file(memory, kMaxMemory);
  if (!text) return out;
  for (size_t begin = 0; begin < text->size();) {
    const size_t end = std::min(text->find('\n', begin), text->size());
    const std::string_view line = std::string_view(*text).substr(begin, end - begin);
    if (line.size() > kHexDigits + 1 && line[kHexDigits] == '\t') {
      out.insert_or_assign(std::string(line.substr(kHexDigits + 1)), std::string(line.substr(0, kHexDigits)));
    }
    begin = end + 1;
  }
  return out;
}

void remember(const fs::path& memory, const std::string& sum, const std::string& stamp) {
  if (memory.empty() || stamp.find('\n') != std::string::npos) return;
  std::error_code error;
  fs::create_directories(memory.parent_path(), error);
  const int fd = ::open(memory.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const std::string line = fmt::format("{}\t{}\n", sum, stamp);
  static_cast<void>(!::write(fd, line.data(), line.size()));  // only costs another reading
  ::close(fd);
}

}  // namespace

Result<ModelDigest> digest_model(const fs::path& path, const fs::path& memory, bool quiet) {
  std::vector<std::string> files;
  const fs::path folder = gguf::is_gguf_file(path) ? path.parent_path() : path;
  if (gguf::is_gguf_file(path)) {
    files.push_back(path.filename().string());
  } else {
    LODE_ASSIGN(files, needed_files(folder));
    std::erase_if(files, is_for_people);
  }
  ModelDigest out;
  for (const std::string& file : files) {
    std::error_code error;
    out.n_bytes += fs::file_size(folder / file, error);
    if (error) return fail(Code::io, fmt::format("cannot read {}: {}", (folder / file).string(), error.message()));
  }
  const auto known = remembered(memory);
  Progress progress("reading the model", out.n_bytes, Unit::bytes, quiet);
  Digest all = Digest::sha256();
  for (const std::string& file : files) {
    LODE_ASSIGN(const std::string stamp, stamp_of(folder / file));
    std::string sum;
    if (const auto found = known.find(stamp); found != known.end()) {
      sum = found->second;
    } else {
      LODE_ASSIGN(sum, file_sha256(folder / file, [&](size_t n_bytes) { progress.add(n_bytes); }));
      remember(memory, sum, stamp);
    }
    const std::string line = fmt::format("{}  {}\n", sum, file);
    all.add(std::as_bytes(std::span(line)));
  }
  out.sha256 = all.hex();
  return out;
}

std::string model_identity(const ModelDigest& digest, const embed::Embedder& embedder, std::string_view kernel_path) {
  return fmt::format("files {}\nnumerics {}\nkernels {}\ndtype {}\nmax tokens {}, cut at the end\ndimensions {}\n",
                     digest.sha256, kNumericsVersion, kernel_path, model::name(embedder.arithmetic()),
                     embedder.max_tokens(), embedder.dims());
}

}  // namespace lode::apps
