#include "base/compressed_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <lzma.h>
#include <utility>
#include <zlib.h>

#include <fmt/format.h>

namespace lode {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
constexpr uint64_t kMaxDecoderBytes = uint64_t{1} << 30;  // the strongest preset of xz needs 65 MiB
constexpr int kGzipWindow = 15 + 16;                      // the largest window, with a gzip header

thread_local OpenedFiles* innermost = nullptr;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

struct CompressedFile::Impl {
  enum class Kind : unsigned char { plain, gzip, xz };

  std::filesystem::path path;
  std::unique_ptr<std::FILE, CloseFile> file;
  Kind kind = Kind::plain;
  std::array<unsigned char, kBufferBytes> buffer;
  size_t begin = 0, end = 0;  // of what is read and not yet unpacked
  bool file_ended = false;
  bool stream_ended = false;  // between two streams; files may hold several, one after the other
  z_stream gzip{};
  lzma_stream xz = LZMA_STREAM_INIT;

  ~Impl() {
    if (kind == Kind::gzip) inflateEnd(&gzip);
    lzma_end(&xz);
  }

  Status fill() {
    if (begin < end || file_ended) return {};
    begin = 0;
    end = std::fread(buffer.data(), 1, buffer.size(), file.get());
    if (end < buffer.size()) {
      if (std::ferror(file.get()) != 0) {
        return fail(Code::io, fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
      }
      file_ended = true;
    }
    return {};
  }
  [[nodiscard]] std::unexpected<Error> corrupt(const char* what) const {
    return fail(Code::corrupt, fmt::format("{}: {}", path.string(), what), "Get the file again.");
  }

  // One step; returns the bytes written to `out`, 0 at the end of the file or when more input is needed.
  Result<size_t> step_gzip(std::span<char> out) {
    if (stream_ended) {
      if (begin == end) return size_t{0};
      inflateReset(&gzip);
      stream_ended = false;
    }
    gzip.next_in = buffer.data() + begin;
    gzip.avail_in = static_cast<uInt>(end - begin);
    gzip.next_out = reinterpret_cast<Bytef*>(out.data());
    gzip.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&gzip, Z_NO_FLUSH);
    begin = end - gzip.avail_in;
    if (code == Z_STREAM_END) stream_ended = true;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return corrupt("not a valid gzip file");
    return out.size() - gzip.avail_out;
  }
  Result<size_t> step_xz(std::span<char> out) {
    xz.next_in = buffer.data() + begin;
    xz.avail_in = end - begin;
    xz.next_out = reinterpret_cast<uint8_t*>(out.data());
    xz.avail_out = out.size();
    const lzma_ret code = lzma_code(&xz, file_ended ? LZMA_FINISH : LZMA_RUN);
    begin = end - xz.avail_in;
    if (code == LZMA_STREAM_END) stream_ended = true;
    if (code == LZMA_MEMLIMIT_ERROR) return corrupt("unpacking it takes more than 1 GiB of memory");
    if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR) return corrupt("not a valid xz file");
    return out.size() - xz.avail_out;
  }
  Result<size_t> step_plain(std::span<char> out) {
    const size_t n = std::min(out.size(), end - begin);
    std::memcpy(out.data(), buffer.data() + begin, n);
    begin += n;
    return n;
  }
};

OpenedFiles::OpenedFiles() : outer_(std::exchange(innermost, this)) {}

OpenedFiles::~OpenedFiles() {
  innermost = outer_;
}

CompressedFile::CompressedFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompressedFile::CompressedFile(CompressedFile&&) noexcept = default;
CompressedFile& CompressedFile::operator=(CompressedFile&&) noexcept = default;
CompressedFile::~CompressedFile() = default;

Result<CompressedFile> CompressedFile::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->file.reset(std::fopen(path.c_str(), "rb"));
  if (!impl->file) {
    return fail(errno == ENOENT ? Code::not_found : Code::io,
                fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  if (innermost != nullptr && std::ranges::find(innermost->paths_, path) == innermost->paths_.end()) {
    innermost->paths_.push_back(path);
  }
  LODE_TRY(impl->fill());
  const std::string_view head(reinterpret_cast<const char*>(impl->buffer.data()), impl->end);
  if (head.starts_with("\x1f\x8b")) {
    if (inflateInit2(&impl->gzip, kGzipWindow) != Z_OK) return fail(Code::internal, "zlib cannot start");
    impl->kind = Impl::Kind::gzip;
  } else if (head.starts_with(std::string_view("\xfd"
                                               "7zXZ\0",
                                               6))) {
    if (lzma_stream_decoder(&impl->xz, kMaxDecoderBytes, LZMA_CONCATENATED) != LZMA_OK) {
      return fail(Code::internal, "liblzma cannot start");
    }
    impl->kind = Impl::Kind::xz;
  }
  return CompressedFile(std::move(impl));
}

Result<size_t> CompressedFile::read(std::span<char> out) {
  using Kind = Impl::Kind;
  size_t n = 0;
  while (n < out.size()) {
    LODE_TRY(impl_->fill());
    const std::span<char> rest = out.subspan(n, std::min(out.size() - n, size_t{1} << 30));
    const bool input_ended = impl_->file_ended && impl_->begin == impl_->end;
    if (impl_->kind == Kind::xz && impl_->stream_ended) break;
    Result<size_t> step = impl_->kind == Kind::gzip ? impl_->step_gzip(rest)
                          : impl_->kind == Kind::xz ? impl_->step_xz(rest)
                                                    : impl_->step_plain(rest);
    LODE_ASSIGN(const size_t got, std::move(step));
    n += got;
    if (got == 0 && input_ended) {
      if (impl_->kind != Kind::plain && !impl_->stream_ended) return impl_->corrupt("the file ends too early");
      break;
    }
  }
  return n;
}

Result<std::string> read_compressed(const std::filesystem::path& path, size_t max_bytes) {
  LODE_ASSIGN(CompressedFile file, CompressedFile::open(path));
  std::string out;
  for (size_t n = 0;;) {
    out.resize(std::max(size_t{1} << 16, 2 * n));
    LODE_ASSIGN(const size_t got, file.read(std::span(out).subspan(n)));
    n += got;
    if (n > max_bytes) {
      return fail(Code::too_large, fmt::format("{} unpacks to more than {} bytes", path.string(), max_bytes));
    }
    if (n < out.size()) {
      out.resize(n);
      return out;
    }
  }
}

}  // namespace lode
