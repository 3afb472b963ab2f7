// How matrix products are cut into tasks and tiles, whatever their arithmetic. Pure; any thread.
#pragma once

#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// Rows of A that one task runs over: their part of a block's depth stays in L2 while the task's panels pass by.
inline constexpr int64_t kRowBlock = 512;
// Tasks a thread gets at least, so that a core that others slow down does not hold up the rest.
inline constexpr int64_t kTasksPerThread = 4;
// With fewer tiles a step is too short to hide the memory behind it, and fetching only costs.
inline constexpr int64_t kTilesToFetch = 4;

constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Rows of tile `tile` of n_tiles of nearly equal height: 13 rows are 7 + 6, not 12 + 1.
constexpr int tile_height(int64_t rows, int64_t tile, int64_t n_tiles) {
  return static_cast<int>(rows / n_tiles + (tile < rows % n_tiles ? 1 : 0));
}

// A tile's share of what the next step of its task will read first: without it, a step's first tile runs at the speed
// of memory.
inline Fetch share_of(const Fetch& next, int64_t tile, int64_t n_tiles) {
  Fetch share = next;
  if (next.n_rows == 1) {
    constexpr int64_t kLine = 64;
    const int64_t lines = ceil_div(next.bytes, kLine);
    share.offset += lines * tile / n_tiles * kLine;
    share.bytes = (lines * (tile + 1) / n_tiles - lines * tile / n_tiles) * kLine;
  } else {
    share.rows += next.n_rows * tile / n_tiles;
    share.n_rows = next.n_rows * (tile + 1) / n_tiles - next.n_rows * tile / n_tiles;
  }
  if (share.bytes == 0) share.n_rows = 0;
  return share;
}

}  // namespace lode::kernels
