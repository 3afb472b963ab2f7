// What a file holds, told by 128 bits (XXH3): the same bytes are read, cut and counted once, wherever they lie.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace lode::search {

using ContentHash = std::array<unsigned char, 16>;

ContentHash content_hash(std::string_view bytes);

inline std::string_view bytes_of(const ContentHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace lode::search
