// How matrix products are cut into tasks and tiles, whatever their arithmetic. Any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// How many rows of A one task runs over while its panels pass by.
struct BlockRows {
  int64_t most;
  // Where each thread gets so many, they are shared out; fewer are all of every thread's, and panels are shared out.
  int64_t least_share;
};
inline constexpr int64_t kSharedByAll = INT64_MAX;
// At most so many that their part of a block's depth takes 768 KiB of 4,096 bytes or 2,048 BF16 a row, and stays in an
// L2 of a megabyte. Paths that hold an element in twice as much read half of it from farther away, and lose nothing by
// it (AVX2, such an L2).
inline constexpr BlockRows kRoundedRows = {192, 56};
// Of f32: rows that no thread rounded lie as far from one as from another.
inline constexpr BlockRows kPlainRows = {192, kSharedByAll};
// Where a task unpacks its panels first: rows from beyond L2 cost less than unpacking for fewer of them.
inline constexpr BlockRows kUnpackedRows = {512, kSharedByAll};
// Tasks that each of several threads gets, if there are panels enough, so that a core that others slow down does not
// hold up the rest.
inline constexpr int64_t kTasksPerThread = 4;
// With fewer tiles a step is too short to hide the memory behind it, and fetching only costs; but for weights that no
// cache holds, whose next piece comes from memory anyway.
inline constexpr int64_t kTilesToFetch = 4;
inline constexpr int64_t kBytesToFetch = int64_t{4} << 20;
constexpr bool pays_to_fetch(int64_t n_tiles, int64_t weight_bytes) {
  return n_tiles >= kTilesToFetch || weight_bytes >= kBytesToFetch;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

constexpr int64_t even(int64_t n) {
  return n + n % 2;
}

inline constexpr int64_t kLineBytes = 64;

// Bytes from row to row for rows of n bytes: whole cache lines, an odd number of them, so that rows do not fight over
// cache sets.
constexpr int64_t padded_bytes(int64_t n) {
  const int64_t lines = ceil_div(n, kLineBytes);
  return (lines % 2 == 0 ? lines + 1 : lines) * kLineBytes;
}

// A whole cut into parts of nearly equal size: 13 rows are tiles of 7 + 6, not 12 + 1.
struct EvenParts {
  int64_t n_parts;
  int64_t least;  // size of a part
  int64_t extra;  // the first ones have one more

  constexpr EvenParts(int64_t whole, int64_t parts)
      : n_parts(parts), least(whole / parts), extra(whole - least * parts) {}
  [[nodiscard]] constexpr int64_t size(int64_t part) const { return least + (part < extra ? 1 : 0); }
  [[nodiscard]] constexpr int64_t start(int64_t part) const { return least * part + std::min(part, extra); }
};

// Rows in even tiles: body(first row, rows).
template <class Body>
void for_tiles(int64_t rows, int64_t most_rows, Body body) {
  const EvenParts heights(rows, ceil_div(rows, most_rows));
  int64_t row = 0;
  for (int64_t tile = 0; tile < heights.n_parts; ++tile) {
    const int height = static_cast<int>(heights.size(tile));
    body(row, height);
    row += height;
  }
}

// How a product of m rows and n_panels is cut into tasks: blocks of rows, even so that no task is a sliver, and for
// each of them runs of panels, as even. Runs are the inner index, and there are as many blocks for each thread as for
// the others: a thread (ThreadPool::for_each_by_share) keeps its block's rows in its near cache while the weights pass
// by, once a block, and all threads are at the same weights at about the same time.
struct Tasks {
  int64_t n_panels;
  int64_t unit;
  EvenParts row_blocks;
  EvenParts runs;  // of units of panels

  // A task keeps sums for about `sum_rows` rows of a panel; its panels are a multiple of `panels_together`. As many
  // tasks for each thread as for the others, where there are panels enough.
  Tasks(int64_t n_rows, int64_t all_panels, int n_threads, int64_t sum_rows, int64_t panels_together,
        BlockRows rows = kRoundedRows)
      : n_panels(all_panels),
        unit(panels_together),
        row_blocks(n_rows, n_blocks(n_rows, rows, n_threads)),
        runs(ceil_div(n_panels, unit), n_runs(n_threads, sum_rows)) {}

  [[nodiscard]] int64_t block_rows() const { return row_blocks.size(0); }
  [[nodiscard]] int64_t panels_per_task() const { return runs.size(0) * unit; }
  [[nodiscard]] size_t size() const { return static_cast<size_t>(runs.n_parts * row_blocks.n_parts); }

  struct Task {
    int64_t first_panel;
    int64_t last_panel;
    int64_t row0;
    int64_t n_rows;
  };
  Task operator[](size_t task) const {
    const auto index = static_cast<int64_t>(task);
    const int64_t block = index / runs.n_parts, run = index % runs.n_parts;
    return {runs.start(run) * unit, std::min(runs.start(run + 1) * unit, n_panels), row_blocks.start(block),
            row_blocks.size(block)};
  }

 private:
  static int64_t n_blocks(int64_t n_rows, BlockRows rows, int64_t n_threads) {
    const int64_t least = ceil_div(n_rows, rows.most);
    if (least >= n_threads) return ceil_div(least, n_threads) * n_threads;
    return n_rows / n_threads >= rows.least_share ? n_threads : least;
  }
  [[nodiscard]] int64_t n_runs(int64_t n_threads, int64_t sum_rows) const {
    const int64_t n_units = ceil_div(n_panels, unit), blocks = row_blocks.n_parts;
    const int64_t most_units = std::max<int64_t>(1, sum_rows / block_rows() / unit);
    const int64_t wanted = n_threads == 1 ? 1 : ceil_div(kTasksPerThread * n_threads, blocks);
    int64_t n = std::max(ceil_div(n_units, most_units), wanted);
    while (n * blocks % n_threads != 0) ++n;
    return std::max<int64_t>(1, std::min(n, n_units));
  }
};

// A tile's share of what the next step of its task will read first: without it, a step's first tile runs at the speed
// of memory. Of one piece its lines, of several whole ones.
inline Fetch share_of(const Fetch& next, int64_t tile, int64_t n_tiles) {
  Fetch share = next;
  if (next.n_rows == 1) {
    const EvenParts lines(ceil_div(next.bytes, kLineBytes), n_tiles);
    share.offset += lines.start(tile) * kLineBytes;
    share.bytes = lines.size(tile) * kLineBytes;
  } else {
    const EvenParts pieces(next.n_rows, n_tiles);
    share.rows += pieces.start(tile);
    share.n_rows = pieces.size(tile);
  }
  if (share.bytes == 0) share.n_rows = 0;
  return share;
}

// A panel's part of a bias [n]: zeros where there is none, and for columns that the panel does not have.
class PanelBias {
 public:
  void take(const float* bias, int64_t column, int64_t n_columns, int64_t width) {
    whole_ = bias != nullptr && n_columns == width ? bias + column : nullptr;
    if (whole_ != nullptr || bias == nullptr) return;
    std::copy_n(bias + column, n_columns, padded_);
    std::fill(padded_ + n_columns, padded_ + width, 0.0F);
  }
  [[nodiscard]] const float* values() const { return whole_ != nullptr ? whole_ : padded_; }

 private:
  const float* whole_ = nullptr;  // the bias itself
  alignas(kLineBytes) float padded_[kMostPanelWidth] = {};
};

// What is left of an epilogue where a tile started from the bias.
inline Epilogue after_bias(Epilogue epilogue) {
  epilogue.bias = nullptr;
  epilogue.close = true;
  return epilogue;
}

// What Int8Tile::next_pace is for a tile of n_steps that is to bring `lines`: up to twice as many come. Lines asked for
// in one go would take every buffer that L1 has for what it misses, and rows and weights in L2 would wait for memory.
constexpr int64_t fetch_pace(int64_t n_steps, int64_t lines) {
  const auto steps = static_cast<uint64_t>(n_steps / std::max<int64_t>(lines, 1));
  return static_cast<int64_t>(std::bit_floor(std::max<uint64_t>(steps, 1))) - 1;
}

// Asks for the lines that a tile's results [rows, columns] will go to, before its last products are computed: they are
// seldom in a near cache. Those behind a row's end do no harm.
inline void ask_for_results(const float* c, int64_t ldc, int rows, int64_t columns) {
  constexpr int64_t kLine = kLineBytes / static_cast<int64_t>(sizeof(float));
  for (int r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < columns; i += kLine) __builtin_prefetch(c + r * ldc + i, 1);
  }
}

}  // namespace lode::kernels
