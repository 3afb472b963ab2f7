#include "base/excerpt.h"

namespace lode {

std::string excerpt(std::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return std::string(text);
  constexpr size_t kMostBytesOfCharacter = 4;
  size_t end = most_bytes;
  const auto continues = [text](size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  for (size_t i = 1; i < kMostBytesOfCharacter && end > 0 && continues(end); ++i) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace lode
