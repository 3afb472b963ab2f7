#include "kernels/rounded_weight.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "kernels/round_panel.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Totals that a task keeps, in rows of a panel.
constexpr int64_t kTotalRows = 4096;
// Rows that share the panels that a task unpacks.
constexpr int64_t kUnpackedRowBlock = 512;
// Rows that one task of rounding takes: a few microseconds of work.
constexpr int64_t kRoundedElements = 16384;
constexpr int kMostTilePanels = 2;
constexpr int64_t kMostGroupBytes = kInt8MostGroup * kInt8Columns;

// Bytes of a rounded row in front of group g, which starts at element k0.
int64_t input_offset(const Int8Kernels& int8, int64_t k0, int64_t g) {
  return k0 * int8.element_bytes + g * int8.head_bytes;
}

}  // namespace

RowReader row_of_transposed(const float* transposed, int64_t n, int64_t k) {
  return [=](int64_t row, float* out) {
    for (int64_t i = 0; i < k; ++i) out[i] = transposed[i * n + row];
  };
}

void RoundedWeight::add_panels(const PackedMatrix& matrix) {
  for (int64_t i = 0; i < matrix.n_panels(); ++i) {
    const int64_t first = i * kInt8Columns;
    panels_.push_back({matrix.panel(i), matrix.scales(i), n_ + first,
                       static_cast<int>(std::min<int64_t>(kInt8Columns, matrix.n - first))});
  }
  n_ += matrix.n;
}

RoundedWeight RoundedWeight::in_place(std::span<const PackedMatrix> parts) {
  LODE_CHECK(!parts.empty());
  RoundedWeight w;
  w.shape_ = parts.front();
  for (const PackedMatrix& part : parts) {
    LODE_CHECK(part.k == w.shape_.k && part.packing == w.shape_.packing);
    w.add_panels(part);
  }
  return w;
}

RoundedWeight RoundedWeight::in_turn(const PackedMatrix& gate, const PackedMatrix& up) {
  RoundedWeight w = in_place(std::array{gate, up});
  const std::vector<Panel> before = w.panels_;
  const size_t half = before.size() / 2;
  for (size_t i = 0; i < before.size(); ++i) w.panels_[i] = before[i % 2 * half + i / 2];
  return w;
}

RoundedWeight RoundedWeight::round(Context& context, Packing packing, int64_t n, int64_t k, const RowReader& read_row) {
  LODE_CHECK(n > 0 && k > 0);
  RoundedWeight w;
  PackedMatrix matrix{.packing = packing, .n = n, .k = k};
  std::byte* const memory = w.memory_.resize(static_cast<size_t>(matrix.n_bytes()));
  matrix.data = memory;
  w.shape_ = matrix;
  const int64_t stride = ceil_div(k, 16) * 16 + 16;  // rows off each other's cache sets
  context.pool.for_each(static_cast<size_t>(matrix.n_panels()), [&](size_t task, int worker) {
    const auto panel = static_cast<int64_t>(task);
    const int64_t first = panel * kInt8Columns;
    const int64_t n_rows = std::min<int64_t>(kInt8Columns, n - first);
    float* const rows = context.scratch[static_cast<size_t>(worker)].resize(
        static_cast<size_t>(kInt8Columns * stride + round_panel_scratch(matrix)));
    for (int64_t r = 0; r < n_rows; ++r) {
      read_row(first + r, rows + r * stride);
      if (packing.rotated) context.kernels.int8.rotate(rows + r * stride, k, rows + r * stride);
    }
    auto* const scales = reinterpret_cast<float*>(memory + matrix.n_panels() * matrix.panel_bytes());
    round_panel(context.kernels, matrix, rows, stride, n_rows, memory + panel * matrix.panel_bytes(),
                scales + panel * matrix.panel_scales(), rows + kInt8Columns * stride);
  });
  w.add_panels(matrix);
  return w;
}

int64_t RoundedWeight::row_bytes(const Int8Kernels& int8) const {
  return padded_bytes(input_offset(int8, shape_.depth(), shape_.n_groups()));
}

void RoundedWeight::round_rows(Context& context, const float* a, int64_t lda, int64_t m) const {
  const Int8Kernels& int8 = context.kernels.int8;
  const int64_t k = shape_.k, n_groups = shape_.n_groups(), group = int8_group(k);
  const int64_t n_bytes = row_bytes(int8);
  float* const scales = context.rounded_scales.resize(static_cast<size_t>(m * n_groups));
  std::byte* const rows = context.rounded.resize(static_cast<size_t>(m * n_bytes));
  const int64_t rows_per_task = std::max<int64_t>(1, kRoundedElements / shape_.depth());
  context.pool.for_each(static_cast<size_t>(ceil_div(m, rows_per_task)), [&](size_t task, int worker) {
    const int64_t first = static_cast<int64_t>(task) * rows_per_task;
    float* const rotated = context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(k));
    for (int64_t row = first; row < std::min(first + rows_per_task, m); ++row) {
      const float* x = a + row * lda;
      if (shape_.packing.rotated) {
        int8.rotate(x, k, rotated);
        x = rotated;
      }
      for (int64_t g = 0; g < n_groups; ++g) {
        const int64_t k0 = g * group;
        scales[row * n_groups + g] =
            int8.round_input(x + k0, std::min(group, k - k0), std::min(group, shape_.depth() - k0),
                             rows + row * n_bytes + input_offset(int8, k0, g));
      }
    }
  });
}

void RoundedWeight::multiply(Context& context, int64_t m, float* c, int64_t ldc, const Epilogue& epilogue) const {
  const Int8Kernels& int8 = context.kernels.int8;
  const bool four_bits = shape_.packing.bits == Bits::four;
  const int64_t all_depth = shape_.depth(), n_groups = shape_.n_groups(), group = int8_group(shape_.k);
  const int64_t stride = row_bytes(int8);
  const std::byte* const rows = context.rounded.data();
  const float* const row_scales = context.rounded_scales.data();

  const auto n_panels = static_cast<int64_t>(panels_.size());
  const int64_t side_by_side = int8.tile_panels;
  const Tasks tasks(m, n_panels, context.pool.n_threads(), kTotalRows, epilogue.gated ? 2 : side_by_side,
                    four_bits ? kUnpackedRowBlock : kRowBlock);
  const int64_t totals_size = tasks.block_rows() * kInt8Columns;
  context.pool.for_each(tasks.size(), [&](size_t index, int worker) {
    const Tasks::Task task = tasks[index];
    const int64_t n_tiles = ceil_div(task.n_rows, int8.tile_rows);
    const EvenParts heights(task.n_rows, n_tiles);
    const bool fetching = pays_to_fetch(n_tiles, n_panels * shape_.panel_bytes());
    float* const scratch = context.scratch[static_cast<size_t>(worker)].resize(
        static_cast<size_t>(tasks.panels_per_task() * totals_size + kMostTilePanels * kMostGroupBytes / 4));
    auto* const unpacked = reinterpret_cast<int8_t*>(scratch);
    float* const all_totals = scratch + kMostTilePanels * kMostGroupBytes / 4;
    for (int64_t g = 0; g < n_groups; ++g) {
      const int64_t k0 = g * group;
      const int64_t depth = std::min(group, all_depth - k0);
      const bool last_group = g + 1 == n_groups;
      for (int64_t first = task.first_panel; first < task.last_panel; first += side_by_side) {
        Int8Tile work;
        work.n_panels = static_cast<int>(std::min(side_by_side, task.last_panel - first));
        work.row_bytes = stride;
        work.scale_stride = n_groups;
        work.depth = depth;
        // What the task reads next: this group of the next panels, or the next group of its first ones.
        const bool turns = first + side_by_side >= task.last_panel;
        const int64_t next_k0 = turns ? k0 + group : k0;
        const bool fetches = fetching && next_k0 < all_depth;
        const int64_t next_bytes = fetches ? shape_.offset(std::min(group, all_depth - next_k0)) : 0;
        const std::byte* next[kMostTilePanels] = {};
        float* totals[kMostTilePanels] = {};
        PanelBias bias[kMostTilePanels];
        bool whole = true;  // no panel with fewer columns than it has room for
        for (int i = 0; i < work.n_panels; ++i) {
          const Panel& panel = panels_[static_cast<size_t>(first + i)];
          const std::byte* const packed = panel.data + shape_.offset(k0);
          work.panels[i] = reinterpret_cast<const int8_t*>(packed);
          if (four_bits) {
            int8_t* const eight_bits = unpacked + i * kMostGroupBytes;
            context.kernels.int4.unpack(packed, depth / kInt4Group, eight_bits);
            work.panels[i] = eight_bits;
          }
          work.column_scales[i] = panel.scales + g * kInt8Columns;
          totals[i] = all_totals + (first + i - task.first_panel) * totals_size;
          bias[i].take(epilogue.bias, panel.column, panel.n_columns, kInt8Columns);
          whole = whole && panel.n_columns == kInt8Columns;
          if (!fetches) continue;
          const int64_t follower = std::min((turns ? task.first_panel : first + side_by_side) + i, task.last_panel - 1);
          next[i] = panels_[static_cast<size_t>(follower)].data + shape_.offset(next_k0);
        }
        const bool straight = last_group && whole && !epilogue.gated && !epilogue.gelu;
        work.accumulate = straight && epilogue.accumulate;
        const EvenParts next_lines(ceil_div(next_bytes, kLineBytes), n_tiles);
        int64_t row = 0;
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          work.n_rows = static_cast<int>(heights.size(tile));
          work.rows = rows + (task.row0 + row) * stride + input_offset(int8, k0, g);
          work.row_scales = row_scales + (task.row0 + row) * n_groups + g;
          work.next_bytes = next_lines.size(tile) * kLineBytes;
          float* const out = c + (task.row0 + row) * ldc;
          for (int i = 0; i < work.n_panels; ++i) {
            // Sums that are whole after one group never leave L1: every tile has the same place for them.
            float* const sums = totals[i] + (n_groups == 1 && !epilogue.gated ? 0 : row * kInt8Columns);
            work.before[i] = g != 0 ? sums : bias[i].values();
            work.before_stride[i] = g != 0 ? kInt8Columns : 0;
            work.out[i] = straight ? out + panels_[static_cast<size_t>(first + i)].column : sums;
            work.out_stride[i] = straight ? ldc : kInt8Columns;
            work.next[i] = next[i] == nullptr ? nullptr : next[i] + next_lines.start(tile) * kLineBytes;
          }
          if (last_group) {
            const int64_t column = (epilogue.gated ? first / 2 : first) * kInt8Columns;
            const int64_t columns = (epilogue.gated ? 1 : work.n_panels) * kInt8Columns;
            ask_for_results(out + column, ldc, work.n_rows, columns);
          }
          int8.tile(work);
          row += work.n_rows;
          if (straight || !last_group) continue;
          for (int i = 0; i < work.n_panels; ++i) {
            const Panel& panel = panels_[static_cast<size_t>(first + i)];
            if (!epilogue.gated) {
              context.kernels.finish(work.n_rows, work.out[i], kInt8Columns, panel.n_columns, after_bias(epilogue),
                                     out + panel.column, ldc);
            } else if ((first + i) % 2 != 0) {
              context.kernels.finish_gated(work.n_rows, work.out[i] - totals_size, work.out[i], kInt8Columns,
                                           panel.n_columns, out + (first + i) / 2 * kInt8Columns, ldc);
            }
          }
        }
      }
    }
  });
}

}  // namespace lode::kernels
