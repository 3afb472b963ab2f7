// How a content is cut, as the index keeps it: its chunks and symbols as one blob of varints, distances where they are
// shorter than positions. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "code/outline.h"
#include "index/document.h"

namespace lode::search {

struct Outline {
  std::vector<index::Chunk> chunks;
  std::vector<code::Symbol> symbols;
};

std::string pack_outline(const index::Document& document);

// Of a text of n_bytes. Errors: corrupt for bytes that are no outline, or one of another text: a chunk or symbol beyond
// its end, a symbol that is not there.
Result<Outline> unpack_outline(std::string_view packed, uint64_t n_bytes);

}  // namespace lode::search
