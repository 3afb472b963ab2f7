#include "search/content_hash.h"

#include <cstring>
#include <xxhash.h>

namespace lode::search {

ContentHash content_hash(std::string_view bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  ContentHash out;
  static_assert(sizeof canonical == sizeof out);
  std::memcpy(out.data(), &canonical, sizeof out);
  return out;
}

}  // namespace lode::search
