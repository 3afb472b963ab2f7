#include "server/api_keys.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

namespace lode::server {

namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxNameChars = 64;
constexpr std::string_view kNewKey = "`openssl rand -hex 32` makes a good key.";

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameChars && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

bool is_key_char(char c) {
  return c > ' ' && c < 0x7F && c != ',';
}

struct CloseFile {
  int fd;
  ~CloseFile() { ::close(fd); }
};

Error cannot(std::string_view what, const std::string& path) {
  return {Code::io, fmt::format("cannot {} the key file {}: {}", what, path, std::strerror(errno)), {}};
}

}  // namespace

ApiKeys::Digest ApiKeys::digest_of(std::string_view key) {
  // Fetched once: OpenSSL 3 looks the algorithm up by name otherwise, which takes longer than the digest.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  LODE_CHECK(sha256 != nullptr);
  Digest digest{};
  LODE_CHECK(EVP_Digest(key.data(), key.size(), digest.data(), nullptr, sha256, nullptr) == 1);
  return digest;
}

Status ApiKeys::add(std::string_view text, char separator, std::string_view source) {
  std::vector<Key> added = keys_;
  const size_t n_before = added.size();
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string_view entry = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.empty() || (separator == '\n' && entry.front() == '#')) continue;

    const auto refuse = [&](std::string message, std::string_view hint) {
      const std::string where = separator == '\n' ? fmt::format("{}:{}", source, line)
                                                  : fmt::format("key {} of {}", added.size() - n_before + 1, source);
      return fail(Code::invalid_argument, fmt::format("{}: {}", where, message), std::string(hint));
    };
    const size_t colon = entry.find(':');
    const bool named = colon != std::string_view::npos;
    Key key{.name = named ? std::string(trimmed(entry.substr(0, colon))) : fmt::format("key-{}", added.size() + 1)};
    const std::string_view secret = named ? trimmed(entry.substr(colon + 1)) : entry;
    if (!is_name(key.name)) {
      return refuse("the name before the colon is not 1 to 64 letters, digits, dots, dashes and underscores",
                    "A line is `name:key` or a key without a colon.");
    }
    if (!std::ranges::all_of(secret, is_key_char)) {
      return refuse("a key holds white space, a comma, or something else than visible ASCII",
                    "One key a line; a comment has a line of its own.");
    }
    if (secret.size() < kMinChars || secret.size() > kMaxChars) {
      return refuse(fmt::format("a key of {} characters; it must have {} to {}", secret.size(), kMinChars, kMaxChars),
                    kNewKey);
    }
    key.digest = digest_of(secret);
    for (const Key& other : added) {
      if (other.name == key.name) return refuse(fmt::format("the name {} is taken", key.name), "Give it another one.");
      if (other.digest == key.digest) {
        return refuse(fmt::format("the same key as that of {}", other.name), "Each key may be there once.");
      }
    }
    added.push_back(std::move(key));
  }
  if (added.size() == n_before) {
    return fail(Code::invalid_argument, fmt::format("{} holds no key", source), std::string(kNewKey));
  }
  keys_ = std::move(added);
  return {};
}

Status ApiKeys::add_lines(std::string_view text, std::string_view source) {
  return add(text, '\n', source);
}

Status ApiKeys::add_list(std::string_view text, std::string_view source) {
  return add(text, ',', source);
}

Result<std::string> ApiKeys::add_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(cannot("open", path));
  const CloseFile closing{fd};
  struct stat about{};
  if (::fstat(fd, &about) != 0) return std::unexpected(cannot("read", path));

  std::string text;
  while (text.size() <= kMaxFileBytes) {
    char part[4096];
    const ssize_t n = ::read(fd, part, sizeof(part));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(cannot("read", path));
    if (n == 0) break;
    text.append(part, static_cast<size_t>(n));
  }
  if (text.size() > kMaxFileBytes) {
    return fail(Code::too_large, fmt::format("the key file {} has more than {} bytes", path, kMaxFileBytes),
                "It holds one key a line.");
  }
  LODE_TRY(add_lines(text, path));
  OPENSSL_cleanse(text.data(), text.size());
  if (S_ISREG(about.st_mode) && (about.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    return fmt::format("the key file {} can be read or written by others (mode {:03o}): run `chmod 600 {}`", path,
                       about.st_mode & 0777U, path);
  }
  return std::string();
}

std::vector<std::string> ApiKeys::names() const {
  std::vector<std::string> names;
  for (const Key& key : keys_) names.push_back(key.name);
  return names;
}

std::optional<size_t> ApiKeys::find(std::string_view key) const {
  const Digest digest = digest_of(key);
  size_t found = keys_.size();
  for (size_t i = 0; i < keys_.size(); ++i) {
    // All are compared, and none with a branch on its bytes.
    const bool same = CRYPTO_memcmp(digest.data(), keys_[i].digest.data(), digest.size()) == 0;
    found = same ? i : found;
  }
  return found < keys_.size() ? std::optional(found) : std::nullopt;
}

}  // namespace lode::server
