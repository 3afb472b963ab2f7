#include "kernels/gemm.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "kernels/rows.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Sums that one task keeps, in rows of a panel (a quarter of a megabyte): the more panels, the less often A comes from
// L3.
constexpr int64_t kSumRows = 2048;

}  // namespace

Weight Weight::in_place(std::span<const MatrixView> parts) {
  Weight w;
  LODE_CHECK(!parts.empty());
  w.k_ = parts.front().columns;
  w.dtype_ = parts.front().dtype;
  for (const MatrixView& part : parts) {
    LODE_CHECK(part.columns == w.k_);
    w.n_ += part.rows;
    for (int64_t r = 0; r < part.rows; ++r) w.rows_.push_back(part.row(r));
  }
  if (std::ranges::any_of(parts, [&](const MatrixView& part) { return part.dtype != w.dtype_; })) {
    for (const MatrixView& part : parts) w.dtypes_.insert(w.dtypes_.end(), static_cast<size_t>(part.rows), part.dtype);
  }
  return w;
}

PanelSource Weight::source(const Kernels& kernels, int64_t column) const {
  const int columns = static_cast<int>(std::min<int64_t>(kernels.panel_width, n_ - column));
  return {rows_.data() + column, columns, dtype_, dtypes_.empty() ? nullptr : dtypes_.data() + column};
}

void Weight::unpack(const Kernels& kernels, int64_t column, int64_t k0, int64_t depth, float* panel) const {
  kernels.pack_panel(source(kernels, column), k0, depth, panel);
}

// Copies what lies in place.
Weight& Weight::become(Context& context, Form form, Packing packing) {
  const Kernels& kernels = context.kernels;
  switch (form) {
    case Form::in_place: return *this;
    case Form::packed: {
      const int64_t panel_width = kernels.panel_width;
      const int64_t n_panels = ceil_div(n_, panel_width);
      float* panels = panels_.resize(static_cast<size_t>(n_panels * panel_width * k_));
      context.pool.for_each(static_cast<size_t>(n_panels), [&](size_t panel, int) {
        const int64_t first = static_cast<int64_t>(panel) * panel_width;
        unpack(kernels, first, 0, k_, panels + first * k_);
      });
      break;
    }
    case Form::bf16:
      bf16_ = Bf16Weight::pack(context, n_, k_, [&](int64_t first) { return source(kernels, first); });
      break;
    case Form::rounded:
      rounded_ = RoundedWeight::round(context, {packing, n_, k_}, [&](int64_t row, float* out) {
        const auto r = static_cast<size_t>(row);
        kernels.to_f32(rows_[r], dtypes_.empty() ? dtype_ : dtypes_[r], k_, out);
      });
      break;
  }
  rows_ = {};
  dtypes_ = {};
  dtype_ = DType::f32;
  return *this;
}

Weight Weight::packed(Context& context, std::span<const MatrixView> parts) {
  Weight w;
  w.pack(context, parts);
  return w;
}

void Weight::pack(Context& context, std::span<const MatrixView> parts) {
  Buffer<float> memory = std::move(panels_);
  *this = in_place(parts);
  panels_ = std::move(memory);
  become(context, Form::packed, {});
}

Weight Weight::stacked(Context& context, Form form, Packing packing, std::span<const MatrixView> parts) {
  Weight w = in_place(parts);
  return std::move(w.become(context, form, packing));
}

Weight Weight::bf16(Context& context, std::span<const MatrixView> parts) {
  return stacked(context, Form::bf16, {}, parts);
}

Weight Weight::bf16_transposed(Context& context, const float* transposed, int64_t n, int64_t k) {
  Weight w;
  w.n_ = n;
  w.k_ = k;
  w.bf16_ = Bf16Weight::pack_transposed(context, transposed, n, k);
  return w;
}

Weight Weight::rounded(Context& context, Packing packing, std::span<const MatrixView> parts) {
  return stacked(context, Form::rounded, packing, parts);
}

void Weight::interleave_halves(int64_t width) {
  const int64_t half = n_ / 2;
  if (half % width != 0) return;
  const auto in_turn = [&](auto& rows) {
    const auto before = rows;
    for (int64_t i = 0; i < std::ssize(rows); ++i) {
      const int64_t in_panel = i % width, panel = i / width;
      rows[static_cast<size_t>(i)] = before[static_cast<size_t>(panel % 2 * half + panel / 2 * width + in_panel)];
    }
  };
  in_turn(rows_);
  if (!dtypes_.empty()) in_turn(dtypes_);
  interleaved_ = true;
}

Weight Weight::gated(Context& context, Form form, Packing packing, const MatrixView& gate, const MatrixView& up) {
  LODE_CHECK(gate.rows == up.rows);
  const std::array<MatrixView, 2> parts = {gate, up};
  Weight w = in_place(parts);
  w.interleave_halves(form == Form::rounded ? kInt8Columns : context.kernels.panel_width);
  return std::move(w.become(context, form, packing));
}

Weight Weight::gated(const PackedMatrix& gate, const PackedMatrix& up) {
  LODE_CHECK(gate.n == up.n);
  Weight w = rounded(RoundedWeight::in_turn(gate, up));
  w.interleaved_ = true;
  return w;
}

Weight Weight::rounded(RoundedWeight weight) {
  Weight w;
  w.n_ = weight.n();
  w.k_ = weight.k();
  w.rounded_ = std::move(weight);
  return w;
}

Weight Weight::rounded(std::span<const PackedMatrix> parts) {
  return rounded(RoundedWeight::in_place(parts));
}

Weight Weight::packed_transposed(Context& context, const float* transposed, int64_t n, int64_t k) {
  Weight w;
  w.n_ = n;
  w.k_ = k;
  const int64_t panel_width = context.kernels.panel_width;
  const int64_t n_panels = ceil_div(n, panel_width);
  float* panels = w.panels_.resize(static_cast<size_t>(n_panels * panel_width * k));
  context.pool.for_each(static_cast<size_t>(n_panels), [&](size_t panel, int) {
    const int64_t first = static_cast<int64_t>(panel) * panel_width;
    const int64_t columns = std::min(panel_width, n - first);
    float* out = panels + first * k;
    for (int64_t row = 0; row < k; ++row, out += panel_width) {
      std::copy_n(transposed + row * n + first, columns, out);
      std::fill(out + columns, out + panel_width, 0.0F);
    }
  });
  return w;
}

namespace {

// A gated product by way of its whole width.
void gate_behind(Context& context, const float* a, int64_t lda, int64_t m, const Weight& w, float* c, int64_t ldc) {
  const int64_t half = w.n() / 2, stride = padded_stride(w.n());
  float* const wide = context.gated.resize(static_cast<size_t>(m * stride));
  gemm(context, a, lda, m, w, wide, stride);
  for_rows(context, m, w.n(), [&](int64_t row) {
    const float* const gate = wide + row * stride;
    context.kernels.finish_gated(1, gate, gate + half, stride, static_cast<int>(half), w.in_few_bits(), c + row * ldc,
                                 ldc);
  });
}

}  // namespace

void gemm(Context& context, const float* a, int64_t lda, int64_t m, const Weight& w, float* c, int64_t ldc,
          const Epilogue& epilogue) {
  if (m == 0) return;
  if (epilogue.gated && !w.interleaved_) return gate_behind(context, a, lda, m, w, c, ldc);
  if (w.in_few_bits()) return w.multiply_rounded(context, RowSource(a, lda), m, nullptr, {w, c, ldc, epilogue});
  const Kernels& kernels = context.kernels;
  const int64_t panel_width = kernels.panel_width;
  const bool packed = w.rows_.empty();
  const Tasks tasks(m, ceil_div(w.n_, panel_width), context.pool.n_threads(), kSumRows, epilogue.gated ? 2 : 1,
                    packed ? kPlainRows : kUnpackedRows);
  const int64_t sums_size = tasks.block_rows() * panel_width;
  context.pool.for_each_by_share(tasks.size(), [&](size_t index, int worker) {
    const auto [first_panel, last_panel, row0, rows] = tasks[index];
    const int64_t n_tiles = ceil_div(rows, kernels.tile_rows);
    const EvenParts heights(rows, n_tiles);
    float* scratch = context.scratch[static_cast<size_t>(worker)].resize(
        static_cast<size_t>(tasks.panels_per_task() * sums_size + kDepthBlock * panel_width));
    float* unpacked = scratch + tasks.panels_per_task() * sums_size;
    // What step (panel, k0) reads of the weights; `piece` must outlive the result.
    const std::byte* piece = nullptr;
    const auto source_of = [&, first = first_panel, end = last_panel](int64_t panel, int64_t k0) -> Fetch {
      if (panel == end) {
        panel = first;
        k0 += kDepthBlock;
      }
      if (k0 >= w.k_) return {};
      const int64_t depth = std::min(kDepthBlock, w.k_ - k0);
      const int64_t column0 = panel * panel_width;
      if (packed) {
        piece = reinterpret_cast<const std::byte*>(w.panels_.data() + column0 * w.k_);
        return {&piece, 1, k0 * panel_width * 4, depth * panel_width * 4};
      }
      const int64_t offset = row_bytes(w.dtype_, k0);
      return {w.rows_.data() + column0, std::min(panel_width, w.n_ - column0), offset,
              row_bytes(w.dtype_, k0 + depth) - offset};
    };

    for (int64_t k0 = 0; k0 < w.k_; k0 += kDepthBlock) {
      const int64_t depth = std::min(kDepthBlock, w.k_ - k0);
      for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        const int64_t column0 = panel * panel_width;
        const int n_columns = static_cast<int>(std::min(panel_width, w.n_ - column0));
        const float* b = unpacked;
        if (packed) {
          b = w.panels_.data() + column0 * w.k_ + k0 * panel_width;
        } else {
          w.unpack(kernels, column0, k0, depth, unpacked);
        }
        // Sums that are whole after one block never leave L1: every tile has the same place for them.
        const bool last_block = k0 + kDepthBlock >= w.k_;
        const bool only_block = w.k_ <= kDepthBlock && !epilogue.gated;
        float* sums = scratch + (panel - first_panel) * sums_size;
        Epilogue part = epilogue;
        if (part.bias != nullptr) part.bias += column0;
        const Fetch next = n_tiles >= kTilesToFetch ? source_of(panel + 1, k0) : Fetch{};
        int64_t row = 0;
        for (int64_t tile = 0; tile < n_tiles; ++tile) {
          const int height = static_cast<int>(heights.size(tile));
          float* tile_sums = only_block ? sums : sums + row * panel_width;
          float* const out = c + (row0 + row) * ldc + (epilogue.gated ? panel / 2 * panel_width : column0);
          const bool finishes = last_block && (!epilogue.gated || panel % 2 != 0);
          if (finishes) ask_for_results(out, ldc, height, panel_width);
          kernels.tile(height, a + (row0 + row) * lda + k0, lda, b, panel_width, depth, tile_sums, panel_width, k0 != 0,
                       share_of(next, tile, n_tiles));
          if (finishes && epilogue.gated) {
            kernels.finish_gated(height, tile_sums - sums_size, tile_sums, panel_width, n_columns, false, out, ldc);
          } else if (finishes) {
            kernels.finish(height, tile_sums, panel_width, n_columns, part, out, ldc);
          }
          row += height;
        }
      }
    }
  });
}

void gemm(Context& context, const float* a, int64_t lda, int64_t m, std::span<const Product> products) {
  if (m == 0) return;
  const Weight* first = nullptr;  // whose rows the context holds
  for (const Product& product : products) {
    const Weight& w = product.weight;
    if (w.rounds_rows(product.epilogue)) {
      w.multiply_rounded(context, RowSource(a, lda), m, first, product);
    } else {
      gemm(context, a, lda, m, w, product.c, product.ldc, product.epilogue);
    }
    first = &w;
  }
}

void gemm(Context& context, const RowReader& read_row, int64_t m, std::span<const Product> products) {
  if (m == 0 || products.empty()) return;
  const auto rounds_rows = [](const Product& product) { return product.weight.rounds_rows(product.epilogue); };
  if (!std::ranges::all_of(products, rounds_rows)) {
    const int64_t k = products.front().weight.k_, stride = padded_stride(k);
    float* const rows = context.rows.resize(static_cast<size_t>(m * stride));
    for_rows(context, m, k, [&](int64_t row) { read_row(row, rows + row * stride); });
    return gemm(context, rows, stride, m, products);
  }
  const Weight* first = nullptr;
  for (const Product& product : products) {
    product.weight.multiply_rounded(context, RowSource(read_row), m, first, product);
    first = &product.weight;
  }
}

bool Weight::rounds_rows(const Epilogue& epilogue) const {
  return in_few_bits() && (!epilogue.gated || interleaved_);
}

void Weight::multiply_rounded(Context& context, const RowSource& a, int64_t m, const Weight* rounded_for,
                              const Product& product) const {
  const bool has_rows = rounded_for != nullptr && rounded_for->bf16_.empty() == bf16_.empty() && rounded_for->k_ == k_;
  if (!bf16_.empty()) {
    if (!has_rows) bf16_.round_rows(context, a, m);
    bf16_.multiply(context, m, product.c, product.ldc, product.epilogue);
  } else {
    if (!has_rows || !rounded_for->rounded_.shares_rows_with(rounded_)) rounded_.round_rows(context, a, m);
    rounded_.multiply(context, m, product.c, product.ldc, product.epilogue);
  }
}

}  // namespace lode::kernels
