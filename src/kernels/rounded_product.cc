#include "kernels/rounded_product.h"

#include <algorithm>

namespace lode::kernels {
namespace {

// Totals that a task keeps, in rows of a panel.
constexpr int64_t kTotalRows = 4096;
// Up to this depth a tile runs over all groups, whose totals stay in L1, while its panels come from L2. Of more, panels
// and the block's rows do not both stay in L2: so many groups pass all rows before the next.
constexpr int64_t kTileDepth = kInt8MostGroup;
constexpr int kMostTilePanels = 2;

}  // namespace

RoundedProduct::RoundedProduct(const Kernels& kernels, const PackedMatrix& shape, std::span<const RoundedPanel> panels,
                               const RoundedRows& rows, const Epilogue& epilogue, float* c, int64_t ldc, int n_threads)
    : kernels_(kernels),
      shape_(shape),
      panels_(panels),
      rows_(rows),
      epilogue_(epilogue),
      c_(c),
      ldc_(ldc),
      group_(shape.group),
      together_(std::min(shape.n_groups(), kTileDepth / shape.group)),
      tasks_(rows.n, std::ssize(panels), n_threads, kTotalRows, epilogue.gated ? 2 : kernels.int8.tile_panels,
             shape.packing.bits == Bits::four ? kUnpackedRows : kRoundedRows) {}

// One task on one worker.
class RoundedProduct::Run {
 public:
  Run(const RoundedProduct& product, size_t task, Buffer<float>& scratch)
      : p_(product),
        int8_(product.kernels_.int8),
        task_(product.tasks_[task]),
        heights_(task_.n_rows, ceil_div(task_.n_rows, int8_.tile_rows)),
        fetching_(pays_to_fetch(heights_.n_parts, std::ssize(p_.panels_) * p_.shape_.panel_bytes())),
        totals_size_(p_.tasks_.block_rows() * kInt8Columns),
        unpacked_size_(std::min(p_.together_ * p_.group_, p_.shape_.depth()) * kInt8Columns) {
    const int64_t unpacked_floats = kMostTilePanels * unpacked_size_ / static_cast<int64_t>(sizeof(float));
    float* const memory =
        scratch.resize(static_cast<size_t>(unpacked_floats + p_.tasks_.panels_per_task() * totals_size_));
    unpacked_ = reinterpret_cast<int8_t*>(memory);
    all_totals_ = memory + unpacked_floats;
    work_.row_bytes = p_.rows_.row_bytes;
    work_.scale_stride = p_.shape_.n_groups();
  }

  void run() {
    for (first_group_ = 0; first_group_ < p_.shape_.n_groups(); first_group_ += p_.together_) {
      for (first_panel_ = task_.first_panel; first_panel_ < task_.last_panel; first_panel_ += int8_.tile_panels) {
        take_panels();
        for (int64_t tile = 0; tile < heights_.n_parts; ++tile) multiply(tile);
      }
    }
  }

 private:
  [[nodiscard]] const RoundedPanel& panel(int64_t i) const { return p_.panels_[static_cast<size_t>(i)]; }
  // Elements from k0 on that a tile runs over at once.
  [[nodiscard]] int64_t depth_at(int64_t k0) const {
    return std::min(p_.together_ * p_.group_, p_.shape_.depth() - k0);
  }

  // What all tiles of the next panels have in common.
  void take_panels() {
    const int64_t k0 = first_group_ * p_.group_;
    n_panels_ = static_cast<int>(std::min<int64_t>(int8_.tile_panels, task_.last_panel - first_panel_));
    // What is read next: these groups of the next panels, or the next groups of the task's first ones, or at its end
    // the first groups of those behind its last, which are most likely the worker's next task.
    const bool turns = first_panel_ + int8_.tile_panels >= task_.last_panel;
    const bool ends = turns && first_group_ + p_.together_ >= p_.shape_.n_groups();
    const int64_t next_panel = turns && !ends ? task_.first_panel : first_panel_ + n_panels_;
    const int64_t next_k0 = ends ? 0 : turns ? k0 + depth_at(k0) : k0;
    const int64_t last_panel = ends ? std::ssize(p_.panels_) : task_.last_panel;
    fetches_ = fetching_ && next_panel < last_panel;
    n_groups_ = std::min(p_.together_, p_.shape_.n_groups() - first_group_);
    next_lines_ = EvenParts(fetches_ ? ceil_div(p_.shape_.offset(depth_at(next_k0)), kLineBytes) : 0,
                            heights_.n_parts * n_groups_);
    work_.next_pace = fetch_pace(std::min(p_.group_, p_.shape_.depth()) / kInt8Step, next_lines_.size(0));
    bool whole = true;  // no panel with fewer columns than it has room for
    for (int i = 0; i < n_panels_; ++i) {
      const RoundedPanel& from = panel(first_panel_ + i);
      const std::byte* const packed = from.data + p_.shape_.offset(k0);
      elements_[i] = reinterpret_cast<const int8_t*>(packed);
      if (p_.shape_.packing.bits == Bits::four) {
        int8_t* const eight_bits = unpacked_ + i * unpacked_size_;
        p_.kernels_.int4.unpack(packed, depth_at(k0) / kInt4Group, eight_bits);
        elements_[i] = eight_bits;
      }
      totals_[i] = all_totals_ + (first_panel_ + i - task_.first_panel) * totals_size_;
      bias_[i].take(p_.epilogue_.bias, from.column, from.n_columns, kInt8Columns);
      whole = whole && from.n_columns == kInt8Columns;
      if (fetches_) {
        next_[i] = panel(std::min(next_panel + i, last_panel - 1)).data + p_.shape_.offset(next_k0);
      }
    }
    work_.n_panels = n_panels_;
    finishes_ = first_group_ + p_.together_ >= p_.shape_.n_groups();
    straight_ = finishes_ && whole && !p_.epilogue_.gated && !p_.epilogue_.gelu;
  }

  void multiply(int64_t tile) {
    const int64_t row = heights_.start(tile), n_groups = p_.shape_.n_groups();
    float* const out = p_.c_ + (task_.row0 + row) * p_.ldc_;
    // Sums that are whole at once never leave L1: every tile has the same place for them.
    const int64_t totals_row = p_.together_ == n_groups && !p_.epilogue_.gated ? 0 : row * kInt8Columns;
    work_.n_rows = static_cast<int>(heights_.size(tile));
    if (finishes_) ask_for_results(out + out_column(), p_.ldc_, work_.n_rows, out_columns());
    work_.rows = p_.rows_.data + (task_.row0 + row) * p_.rows_.row_bytes +
                 rounded_offset(int8_, first_group_ * p_.group_, first_group_);
    work_.row_scales = p_.rows_.scales + (task_.row0 + row) * n_groups + first_group_;
    for (int64_t i = 0; i < n_groups_; ++i, ++work_.row_scales) {
      const int64_t g = first_group_ + i, share = tile * n_groups_ + i;
      const bool leaves = straight_ && i + 1 == n_groups_;
      work_.depth = std::min(p_.group_, p_.shape_.depth() - g * p_.group_);
      work_.accumulate = leaves && p_.epilogue_.accumulate;
      work_.next_bytes = next_lines_.size(share) * kLineBytes;
      for (int j = 0; j < n_panels_; ++j) {
        const RoundedPanel& from = panel(first_panel_ + j);
        float* const totals = totals_[j] + totals_row;
        work_.panels[j] = elements_[j] + i * p_.group_ * kInt8Columns;
        work_.column_scales[j] = from.scales + g * kInt8Columns;
        work_.before[j] = g != 0 ? totals : bias_[j].values();
        work_.before_stride[j] = g != 0 ? kInt8Columns : 0;
        work_.out[j] = leaves ? out + from.column : totals;
        work_.out_stride[j] = leaves ? p_.ldc_ : kInt8Columns;
        work_.next[j] = fetches_ ? next_[j] + next_lines_.start(share) * kLineBytes : nullptr;
      }
      int8_.tile(work_);
      work_.rows += rounded_offset(int8_, work_.depth, 1);
    }
    if (finishes_ && !straight_) finish(work_.n_rows, totals_row, out);
  }

  void finish(int n_rows, int64_t totals_row, float* out) const {
    for (int i = 0; i < n_panels_; ++i) {
      const RoundedPanel& from = panel(first_panel_ + i);
      const float* const totals = totals_[i] + totals_row;
      if (!p_.epilogue_.gated) {
        p_.kernels_.finish(n_rows, totals, kInt8Columns, from.n_columns, after_bias(p_.epilogue_), out + from.column,
                           p_.ldc_);
      } else if ((first_panel_ + i) % 2 != 0) {
        p_.kernels_.finish_gated(n_rows, totals - totals_size_, totals, kInt8Columns, from.n_columns, true,
                                 out + (first_panel_ + i) / 2 * kInt8Columns, p_.ldc_);
      }
    }
  }

  // Where these panels' results lie in a row of C.
  [[nodiscard]] int64_t out_column() const {
    return p_.epilogue_.gated ? first_panel_ / 2 * kInt8Columns : panel(first_panel_).column;
  }
  [[nodiscard]] int64_t out_columns() const { return (p_.epilogue_.gated ? 1 : n_panels_) * kInt8Columns; }

  const RoundedProduct& p_;
  const Int8Kernels& int8_;
  const Tasks::Task task_;
  const EvenParts heights_;  // of tiles
  const bool fetching_;
  const int64_t totals_size_;    // of a panel
  const int64_t unpacked_size_;  // of a panel
  int8_t* unpacked_;
  float* all_totals_;  // [panels of the task, rows of the task, kInt8Columns]

  // Of the panels at hand.
  int64_t first_group_ = 0;
  int64_t first_panel_ = 0;
  int n_panels_ = 0;
  bool finishes_ = false;  // whether these groups are the last
  bool straight_ = false;  // whether tiles write C
  bool fetches_ = false;
  int64_t n_groups_ = 0;        // that a tile runs over
  EvenParts next_lines_{0, 1};  // of each panel, by tile and group
  const int8_t* elements_[kMostTilePanels] = {};
  float* totals_[kMostTilePanels] = {};
  PanelBias bias_[kMostTilePanels];
  const std::byte* next_[kMostTilePanels] = {};
  Int8Tile work_;  // kept from tile to tile: clearing one takes longer than setting what changes
};

void RoundedProduct::run(size_t task, Buffer<float>& scratch) const {
  Run(*this, task, scratch).run();
}

}  // namespace lode::kernels
