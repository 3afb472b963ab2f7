#include "kernels/bf16_weight.h"

#include <algorithm>

#include "kernels/rows.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Sums that a task keeps, in rows of a panel.
constexpr int64_t kBf16SumRows = 2048;

}  // namespace

Bf16Weight Bf16Weight::filled(Context& context, int64_t n, int64_t k,
                              const std::function<void(int64_t first, uint16_t* panel)>& fill) {
  Bf16Weight w;
  w.n_ = n;
  w.k_ = k;
  const int64_t width = context.kernels.panel_width;
  uint16_t* const panels = w.panels_.resize(static_cast<size_t>(bytes_of(n, k, width)) / sizeof(uint16_t));
  context.pool.for_each(static_cast<size_t>(ceil_div(n, width)), [&](size_t index, int) {
    const int64_t first = static_cast<int64_t>(index) * width;
    fill(first, panels + first * even(k));
  });
  return w;
}

Bf16Weight Bf16Weight::pack(Context& context, int64_t n, int64_t k,
                            const std::function<PanelSource(int64_t first)>& source_of) {
  return filled(context, n, k, [&](int64_t first, uint16_t* panel) {
    context.kernels.bf16.pack_panel(source_of(first), 0, k, panel);
  });
}

Bf16Weight Bf16Weight::pack_transposed(Context& context, const float* transposed, int64_t n, int64_t k) {
  const int64_t width = context.kernels.panel_width;
  return filled(context, n, k, [&](int64_t first, uint16_t* panel) {
    context.kernels.bf16.pack_rows(transposed + first, n, k, static_cast<int>(std::min(width, n - first)), panel);
  });
}

int64_t Bf16Weight::row_bytes(const Bf16Kernels& bf16) const {
  return padded_bytes(even(k_) * bf16.element_bytes);
}

void Bf16Weight::round_rows(Context& context, const RowSource& a, int64_t m) const {
  const Bf16Kernels& bf16 = context.kernels.bf16;
  const int64_t stride = row_bytes(bf16);
  std::byte* const rows = context.rounded.resize(static_cast<size_t>(m * stride));
  for_rows(context, m, k_, [&](int64_t row, int worker) {
    float* const scratch =
        a.in_memory() ? nullptr : context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(k_));
    bf16.round_row(a.row(row, scratch), k_, rows + row * stride);
  });
}

void Bf16Weight::multiply(Context& context, int64_t m, float* c, int64_t ldc, const Epilogue& epilogue) const {
  const Kernels& kernels = context.kernels;
  const Bf16Kernels& bf16 = kernels.bf16;
  const int64_t depth_all = even(k_), width = kernels.panel_width;
  const int64_t stride = row_bytes(bf16);
  const std::byte* const rows = context.rounded.data();
  const int64_t n_panels = ceil_div(n_, width);
  const Tasks tasks(m, n_panels, context.pool.n_threads(), kBf16SumRows, epilogue.gated ? 2 : 1);
  const int64_t sums_size = tasks.block_rows() * width;
  context.pool.for_each_by_share(tasks.size(), [&](size_t index, int worker) {
    const Tasks::Task task = tasks[index];
    const int64_t n_tiles = ceil_div(task.n_rows, bf16.tile_rows);
    const EvenParts heights(task.n_rows, n_tiles);
    const bool fetching = pays_to_fetch(n_tiles, static_cast<int64_t>(owned_bytes()));
    float* const scratch =
        context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(tasks.panels_per_task() * sums_size));
    const auto panel_at = [&](int64_t panel, int64_t k0) {
      return panels_.data() + panel * width * depth_all + k0 * width;
    };
    for (int64_t k0 = 0; k0 < depth_all; k0 += kBf16DepthBlock) {
      const int64_t depth = std::min(kBf16DepthBlock, depth_all - k0);
      const bool last_block = k0 + depth == depth_all;
      for (int64_t panel = task.first_panel; panel < task.last_panel; ++panel) {
        Bf16Tile work;
        work.row_bytes = stride;
        work.panel = panel_at(panel, k0);
        work.depth = depth;
        // What is read next: this block of the next panel, or the next block of the task's first one, or at its end the
        // first block of the one behind its last, which is most likely in the worker's next task.
        const bool turns = panel + 1 == task.last_panel, ends = turns && last_block;
        const int64_t next_panel = turns && !ends ? task.first_panel : panel + 1;
        const int64_t next_k0 = ends ? 0 : turns ? k0 + depth : k0;
        const bool fetches = fetching && next_panel < n_panels;
        const auto* const next = fetches ? reinterpret_cast<const std::byte*>(panel_at(next_panel, next_k0)) : nullptr;
        const int64_t next_bytes = fetches ? std::min(kBf16DepthBlock, depth_all - next_k0) * width * 2 : 0;
        const int64_t column = panel * width;
        const auto n_columns = static_cast<int>(std::min(width, n_ - column));
        PanelBias bias;
        bias.take(epilogue.bias, column, n_columns, width);
        const bool finishes = last_block && (!epilogue.gated || panel % 2 != 0);
        const bool straight = last_block && n_columns == width && !epilogue.gated && !epilogue.gelu;
        work.accumulate = straight && epilogue.accumulate;
        float* const panel_sums = scratch + (panel - task.first_panel) * sums_size;
        const EvenParts next_lines(ceil_div(next_bytes, kLineBytes), n_tiles);
        work.next_pace = fetch_pace(depth / 2, next_lines.size(0));
        int64_t row = 0;
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          work.n_rows = static_cast<int>(heights.size(tile));
          work.rows = rows + (task.row0 + row) * stride + k0 * bf16.element_bytes;
          work.next = next == nullptr ? nullptr : next + next_lines.start(tile) * kLineBytes;
          work.next_bytes = next_lines.size(tile) * kLineBytes;
          // Sums that are whole after one block never leave L1: every tile has the same place for them.
          float* const sums = depth == depth_all && !epilogue.gated ? panel_sums : panel_sums + row * width;
          float* const out = c + (task.row0 + row) * ldc + (epilogue.gated ? panel / 2 * width : column);
          work.before = k0 != 0 ? sums : epilogue.bias != nullptr ? bias.values() : nullptr;
          work.before_stride = k0 != 0 ? width : 0;
          work.out = straight ? out : sums;
          work.out_stride = straight ? ldc : width;
          if (finishes) ask_for_results(out, ldc, work.n_rows, width);
          bf16.tile(work);
          row += work.n_rows;
          if (straight || !finishes) continue;
          if (epilogue.gated) {
            kernels.finish_gated(work.n_rows, sums - sums_size, sums, width, n_columns, true, out, ldc);
          } else {
            kernels.finish(work.n_rows, sums, width, n_columns, after_bias(epilogue), out, ldc);
          }
        }
      }
    }
  });
}

}  // namespace lode::kernels
