#include "search/packed_text.h"

#include <memory>
#include <zstd.h>

#include <fmt/format.h>

namespace lode::search {
namespace {

constexpr int kLevel = 1;  // most of the gain for a third of level 3's time

}  // namespace

std::string pack(std::string_view text) {
  // A context takes a megabyte to set up; a thread keeps its own.
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t n = ZSTD_compress2(context.get(), out.data(), out.size(), text.data(), text.size());
  LODE_CHECK(ZSTD_isError(n) == 0);  // the bound is the library's own
  out.resize(n);
  return out;
}

Result<std::string> unpack(std::string_view packed, size_t n_bytes) {
  const auto damaged = [&](std::string_view why) {
    return fail(Code::corrupt, fmt::format("a text of {} bytes cannot be unpacked: {}", n_bytes, why));
  };
  if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != n_bytes) return damaged("its length is another");
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  size_t n = 0;
  std::string out;
  out.resize_and_overwrite(n_bytes, [&](char* bytes, size_t n_there) {
    n = ZSTD_decompressDCtx(context.get(), bytes, n_there, packed.data(), packed.size());
    return ZSTD_isError(n) != 0 ? 0 : n;
  });
  if (ZSTD_isError(n) != 0) return damaged(ZSTD_getErrorName(n));
  if (n != n_bytes) return damaged("it ends too early");
  return out;
}

}  // namespace lode::search
