// Who may call: API keys, each with a name for the log and the rate limit. They come from files (one a line) and from
// text (the environment; separated by commas), each as `name:key` or as a key alone, which is then called key-1, key-2
// and so on by its place. What stands before the first colon is always the name.
//     # who uses it
//     search:3c1f0b8e0b0d4d0f
// Refuses what would weaken or confuse: keys that are shorter than 8 or longer than 256 characters or hold anything but
// visible ASCII without commas, names other than 1 to 64 of A-Z a-z 0-9 . _ -, a name or a key twice, and a source
// without any key. No message quotes a line. Only SHA-256 digests of the keys are kept. Filled at start, read by all
// threads afterwards. OpenSSL is hidden in api_keys.cc.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::server {

class ApiKeys {
 public:
  static constexpr size_t kMinChars = 8;
  static constexpr size_t kMaxChars = 256;

  // All keys of a source or, with an error, none of them. Errors: io, invalid_argument, too_large. The returned warning
  // is empty, or says that others than the owner's group can read the file.
  Result<std::string> add_file(const std::string& path);
  Status add_lines(std::string_view text, std::string_view source);
  // `source` names the text in messages: "LODE_API_KEYS".
  Status add_list(std::string_view text, std::string_view source);

  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] std::vector<std::string> names() const;

  // Index of the key. Takes the same time whichever key it is and however much of one `key` has right.
  [[nodiscard]] std::optional<size_t> find(std::string_view key) const;
  [[nodiscard]] const std::string& name(size_t index) const { return keys_[index].name; }

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Key {
    std::string name;
    Digest digest{};
  };
  static Digest digest_of(std::string_view key);
  Status add(std::string_view text, char separator, std::string_view source);

  std::vector<Key> keys_;
};

}  // namespace lode::server
