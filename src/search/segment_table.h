// What a segment holds, as one blob: its contents by their numbers, how long each is, how many symbols it defines and
// how many chunks it is cut into, and each chunk's length in terms. Chunks of a segment are numbered from 0 in this
// order, and so are its contents; the segment's postings speak of them by these numbers. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::search {

using ContentId = uint32_t;

struct SegmentTable {
  struct Content {
    ContentId id = 0;
    uint32_t n_chunks = 0;
    uint32_t n_symbols = 0;
    uint32_t n_bytes = 0;
    friend bool operator==(const Content&, const Content&) = default;
  };
  std::vector<Content> contents;  // by id
  std::vector<uint32_t> lengths;  // of all chunks, in terms
};

std::string pack_table(const SegmentTable& table);
// Errors: corrupt for what is damaged or contradicts itself.
Result<SegmentTable> unpack_table(std::string_view packed);

// A set of contents, by id.
std::string pack_contents(const std::vector<ContentId>& contents);
Result<std::vector<ContentId>> unpack_contents(std::string_view packed);

}  // namespace lode::search
