// Writes small SentencePiece model files, well-formed or with a fault.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace lode::text::testing {

inline std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
inline std::string number_field(uint64_t id, uint64_t value) {
  return varint(id << 3) + varint(value);
}
inline std::string bytes_field(uint64_t id, std::string_view bytes) {
  return varint(id << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
inline std::string float_field(uint64_t id, float value) {
  std::string out = varint(id << 3 | 5);
  for (auto bits = std::bit_cast<uint32_t>(value); out.size() < 5; bits >>= 8) out += static_cast<char>(bits);
  return out;
}
inline std::string piece_field(std::string_view text, float score, uint64_t type) {
  return bytes_field(1, bytes_field(1, text) + float_field(2, score) + (type == 1 ? "" : number_field(3, type)));
}
// BPE with byte fallback; no character map, a dummy prefix, spaces kept.
inline std::string trainer_field() {
  return bytes_field(2, number_field(3, 2) + number_field(35, 1));
}
inline std::string normalizer_field() {
  return bytes_field(3, bytes_field(1, "identity") + number_field(4, 0));
}

// <unk>, <s>, </s>, the bytes, then "\u2581abcd" and the pieces that they make, of falling score.
inline std::string pieces_fields() {
  std::string out = piece_field("<unk>", 0, 2) + piece_field("<s>", 0, 3) + piece_field("</s>", 0, 3);
  for (int byte = 0; byte < 256; ++byte) out += piece_field(fmt::format("<0x{:02X}>", byte), 0, 6);
  float score = 0;
  for (const char* piece : {"ab",
                            "\u2581"
                            "ab",
                            "cd", "abcd", "abc"})
    out += piece_field(piece, --score, 1);
  for (const char* piece : {"\u2581", "a", "b", "c", "d"}) out += piece_field(piece, --score, 1);
  return out;
}
inline std::string small_sentencepiece() {
  return pieces_fields() + trainer_field() + normalizer_field();
}

}  // namespace lode::text::testing
