// Cuts a file into chunks of whole lines. A chunk begins where the text itself shows a seam: a line after a blank one
// before a line within a paragraph, less indentation before more, and among equals the greater hash. Such a line must
// be the strongest within half of max_bytes on either side (local-maximum chunking: Bjørner, Blass and Gurevich,
// "Content-dependent chunking for differential compression, the local maximum approach", 2010), so a chunk's edges
// depend on what lies near them and never on how far they are from the file's start: another version of the file
// shares all chunks but those around what was changed. What comes out too long is cut again with half the distance.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace lode::index {

struct ChunkOptions {
  size_t max_bytes = 1000;   // of a chunk without its overlap, at least 1; a longer line is a chunk of its own
  size_t overlap_bytes = 0;  // at most so many, in whole lines, of what stands before a chunk come in front of it
};

// The chunks of a text, in order. Without overlap they are the text, end to end; an empty text has none.
std::vector<std::string_view> line_chunks(std::string_view text, const ChunkOptions& options);

}  // namespace lode::index
