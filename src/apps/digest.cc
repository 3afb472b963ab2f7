#include "apps/digest.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "apps/command.h"

namespace lode::apps {
namespace {

constexpr size_t kReadBytes = 1 << 20;

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
}

Digest Digest::sha256() {
  Digest digest;
  LODE_CHECK(EVP_DigestInit_ex(digest.context_.get(), EVP_sha256(), nullptr) == 1);
  return digest;
}

Digest Digest::git_blob(uint64_t n_bytes) {
  Digest digest;
  LODE_CHECK(EVP_DigestInit_ex(digest.context_.get(), EVP_sha1(), nullptr) == 1);
  const std::string header = fmt::format("blob {}", n_bytes);
  digest.add(std::as_bytes(std::span(header.c_str(), header.size() + 1)));
  return digest;
}

void Digest::add(std::span<const std::byte> bytes) {
  LODE_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned int n = 0;
  LODE_CHECK(EVP_DigestFinal_ex(context_.get(), sum.data(), &n) == 1);
  std::string out;
  for (unsigned int i = 0; i < n; ++i) out += fmt::format("{:02x}", sum[i]);
  return out;
}

Result<std::string> file_sha256(const std::filesystem::path& path,
                                const std::function<void(size_t n_bytes)>& on_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::io, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  Digest digest = Digest::sha256();
  std::vector<char> buffer(kReadBytes);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    const auto n = static_cast<size_t>(file.gcount());
    digest.add(std::as_bytes(std::span(buffer).first(n)));
    if (on_bytes) on_bytes(n);
  }
  if (!file.eof()) return fail(Code::io, fmt::format("cannot read {}", path.string()));
  return digest.hex();
}

std::string sha256(std::string_view bytes) {
  Digest digest = Digest::sha256();
  digest.add(std::as_bytes(std::span(bytes)));
  return digest.hex();
}

}  // namespace lode::apps
