#include "apps/digest.h"

#include <array>
#include <new>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/error.h"

namespace lode::apps {

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

}  // namespace lode::apps
