#include "kernels/int8_weight.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Totals that a task keeps, in rows of a panel.
constexpr int64_t kTotalRows = 4096;
// Rows that one task of rounding takes: a few microseconds of work.
constexpr int64_t kRoundedElements = 16384;
constexpr int kMostTileRows = 16;

}  // namespace

Int8Weight Int8Weight::quantize(Context& context, int64_t n, int64_t k,
                                const std::function<void(int64_t row, float* out)>& read_row) {
  LODE_CHECK(n > 0 && k > 0);
  const Int8Kernels& int8 = context.kernels.int8;
  Int8Weight w;
  w.n_ = n;
  w.k_ = k;
  w.depth_ = ceil_div(k, kInt8Step) * kInt8Step;
  w.group_ = int8_group(k);
  w.n_groups_ = ceil_div(k, w.group_);
  const int64_t n_panels = ceil_div(n, kInt8Columns);
  const int64_t panel_bytes = w.depth_ * kInt8Columns;
  int8_t* const panels = w.panels_.resize(static_cast<size_t>(n_panels * panel_bytes));
  float* const scales = w.scales_.resize(static_cast<size_t>(n_panels * w.n_groups_ * kInt8Columns));
  context.pool.for_each(static_cast<size_t>(n_panels), [&](size_t panel, int worker) {
    const auto first = static_cast<int64_t>(panel) * kInt8Columns;
    int8_t* const out = panels + static_cast<int64_t>(panel) * panel_bytes;
    std::memset(out, 0, static_cast<size_t>(panel_bytes));
    float* const row = context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(2 * w.depth_));
    auto* const rounded = reinterpret_cast<int16_t*>(row + w.depth_);
    for (int64_t column = 0; column < kInt8Columns; ++column) {
      float* const row_scales = scales + first * w.n_groups_ + column;
      for (int64_t g = 0; g < w.n_groups_; ++g) row_scales[g * kInt8Columns] = 0;
      if (first + column >= n) continue;
      read_row(first + column, row);
      int8.rotate(row, k);
      for (int64_t g = 0; g < w.n_groups_; ++g) {
        const int64_t k0 = g * w.group_;
        row_scales[g * kInt8Columns] = int8.round_row(row + k0, std::min(w.group_, k - k0), rounded + k0);
      }
      for (int64_t i = 0; i < k; ++i) {
        out[(i / kInt8Step * kInt8Columns + column) * kInt8Step + i % kInt8Step] = static_cast<int8_t>(rounded[i]);
      }
    }
  });
  return w;
}

void Int8Weight::multiply(Context& context, const float* a, int64_t lda, int64_t m, float* c, int64_t ldc,
                          const Epilogue& epilogue) const {
  if (m == 0) return;
  const Int8Kernels& int8 = context.kernels.int8;
  // Rounded rows off each other's cache sets, like padded_stride.
  const int64_t stride = ceil_div(depth_, 32) % 2 == 0 ? ceil_div(depth_, 32) * 32 + 32 : ceil_div(depth_, 32) * 32;
  float* const row_scales = context.rounded_scales.resize(static_cast<size_t>(m * n_groups_));
  int16_t* const rows = context.rounded.resize(static_cast<size_t>(m * stride));
  const int64_t rows_per_task = std::max<int64_t>(1, kRoundedElements / depth_);
  context.pool.for_each(static_cast<size_t>(ceil_div(m, rows_per_task)), [&](size_t task, int worker) {
    const int64_t first = static_cast<int64_t>(task) * rows_per_task;
    float* const rotated = context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(k_));
    for (int64_t row = first; row < std::min(first + rows_per_task, m); ++row) {
      std::memcpy(rotated, a + row * lda, static_cast<size_t>(k_) * sizeof(float));
      int8.rotate(rotated, k_);
      int16_t* const out = rows + row * stride;
      for (int64_t g = 0; g < n_groups_; ++g) {
        const int64_t k0 = g * group_;
        row_scales[row * n_groups_ + g] = int8.round_row(rotated + k0, std::min(group_, k_ - k0), out + k0);
      }
      for (int64_t i = k_; i < depth_; ++i) out[i] = 0;
    }
  });

  const int64_t n_panels = ceil_div(n_, kInt8Columns);
  const int64_t n_row_blocks = ceil_div(m, kRowBlock);
  const int64_t block_rows = ceil_div(m, n_row_blocks);
  const int64_t most_panels = n_panels * n_row_blocks / (kTasksPerThread * context.pool.n_threads());
  const int64_t panels_per_task = std::max<int64_t>(1, std::min(kTotalRows / block_rows, most_panels));
  const int64_t totals_size = block_rows * kInt8Columns;
  LODE_CHECK(int8.tile_rows <= kMostTileRows);
  const auto n_tasks = static_cast<size_t>(ceil_div(n_panels, panels_per_task) * n_row_blocks);
  context.pool.for_each(n_tasks, [&](size_t task, int worker) {
    const int64_t first_panel = static_cast<int64_t>(task) / n_row_blocks * panels_per_task;
    const int64_t last_panel = std::min(first_panel + panels_per_task, n_panels);
    const int64_t row0 = static_cast<int64_t>(task) % n_row_blocks * block_rows;
    const int64_t n_rows = std::min(block_rows, m - row0);
    const int64_t n_tiles = ceil_div(n_rows, int8.tile_rows);
    float* const all_totals =
        context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(panels_per_task * totals_size));
    alignas(64) int32_t sums[kMostTileRows * kInt8Columns];
    for (int64_t g = 0; g < n_groups_; ++g) {
      const int64_t k0 = g * group_;
      const int64_t depth = std::min(group_, depth_ - k0);
      const bool last_group = g + 1 == n_groups_;
      for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        const int64_t column0 = panel * kInt8Columns;
        const int8_t* const b = panels_.data() + (panel * depth_ + k0) * kInt8Columns;
        // What the task reads next: this group of the next panel, or the next group of its first one.
        const std::byte* piece = nullptr;
        Fetch next;
        if (n_tiles >= kTilesToFetch && panel + 1 < last_panel) {
          piece = reinterpret_cast<const std::byte*>(b + depth_ * kInt8Columns);
          next = {&piece, 1, 0, depth * kInt8Columns};
        } else if (n_tiles >= kTilesToFetch && !last_group) {
          const int64_t next_k0 = k0 + group_;
          piece = reinterpret_cast<const std::byte*>(panels_.data() + (first_panel * depth_ + next_k0) * kInt8Columns);
          next = {&piece, 1, 0, std::min(group_, depth_ - next_k0) * kInt8Columns};
        }
        const float* const column_scales = scales_.data() + (panel * n_groups_ + g) * kInt8Columns;
        float* const totals = all_totals + (panel - first_panel) * totals_size;
        Epilogue part = epilogue;
        if (part.bias != nullptr) part.bias += column0;
        const int n_columns = static_cast<int>(std::min<int64_t>(kInt8Columns, n_ - column0));
        int64_t row = 0;
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          const int height = tile_height(n_rows, tile, n_tiles);
          float* const tile_totals = totals + row * kInt8Columns;
          int8.tile(height, rows + (row0 + row) * stride + k0, stride, b, depth, sums, share_of(next, tile, n_tiles));
          int8.add_group(height, sums, row_scales + (row0 + row) * n_groups_ + g, n_groups_, column_scales, g != 0,
                         tile_totals);
          if (last_group) {
            context.kernels.finish(height, tile_totals, kInt8Columns, n_columns, part, c + (row0 + row) * ldc + column0,
                                   ldc);
          }
          row += height;
        }
      }
    }
  });
}

}  // namespace lode::kernels
