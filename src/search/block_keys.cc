#include "search/block_keys.h"

namespace lode::search {

Result<std::vector<BlockKey>> block_keys(IndexReader& reader) {
  LODE_ASSIGN(const std::vector<ContentHash> hashes, reader.content_hashes());
  LODE_ASSIGN(const std::vector<std::string> paths, reader.first_paths());
  std::vector<BlockKey> out;
  out.reserve(hashes.size());
  for (size_t place = 0; place < hashes.size(); ++place) out.push_back(block_key(hashes[place], paths[place]));
  return out;
}

}  // namespace lode::search
