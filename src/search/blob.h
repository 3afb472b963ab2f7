// Bytes as the index's tables hold them: whole numbers as LEB128 varints, strings behind their length. A reader checks
// every step against what is there and, once it met something that does not fit, gives zeros and empty strings. One
// thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lode::search {

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

inline void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

// The bytes with a check value in front of them (4 bytes of XXH3): damage is told before anything is read.
std::string sealed(std::string_view bytes);
// What was sealed; empty where it is damaged.
std::optional<std::string_view> unsealed(std::string_view bytes);

class BlobReader {
 public:
  explicit BlobReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) return spoil();
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      if (shift == 63 && byte > 1) return spoil();
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return spoil();
  }
  // Of at most `limit`.
  uint64_t varint(uint64_t limit) {
    const uint64_t value = varint();
    return value <= limit ? value : spoil();
  }
  uint32_t number() { return static_cast<uint32_t>(varint(UINT32_MAX)); }
  std::string_view bytes(uint64_t n) {
    if (n > bytes_.size() - at_) {
      spoil();
      return {};
    }
    const std::string_view out = bytes_.substr(at_, n);
    at_ += n;
    return out;
  }
  std::string_view text() { return bytes(varint()); }

  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] size_t n_left() const { return bytes_.size() - at_; }
  [[nodiscard]] bool ok() const { return ok_; }
  // Read to the end, and all of it fitted.
  [[nodiscard]] bool done() const { return ok_ && at_end(); }

 private:
  uint64_t spoil() {
    ok_ = false;
    at_ = bytes_.size();
    return 0;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace lode::search
