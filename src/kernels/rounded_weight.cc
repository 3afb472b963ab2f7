#include "kernels/rounded_weight.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "kernels/round_panel.h"
#include "kernels/tiling.h"

namespace lode::kernels {
namespace {

// Rows that one task of rounding takes: a few microseconds of work.
constexpr int64_t kRoundedElements = 16384;

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
    LODE_CHECK(part.k == w.shape_.k && part.packing == w.shape_.packing && part.group == w.shape_.group);
    w.add_panels(part);
  }
  return w;
}

RoundedWeight RoundedWeight::in_turn(const PackedMatrix& gate, const PackedMatrix& up) {
  RoundedWeight w = in_place(std::array{gate, up});
  const std::vector<RoundedPanel> before = w.panels_;
  const size_t half = before.size() / 2;
  for (size_t i = 0; i < before.size(); ++i) w.panels_[i] = before[i % 2 * half + i / 2];
  return w;
}

RoundedWeight RoundedWeight::round(Context& context, const PackedMatrix& shape, const RowReader& read_row) {
  const int64_t n = shape.n, k = shape.k;
  LODE_CHECK(n > 0 && k > 0 && shape.group > 0 && shape.group <= kInt8MostGroup && shape.group % kInt4Group == 0);
  RoundedWeight w;
  PackedMatrix matrix = shape;
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
      if (shape.packing.rotated) context.kernels.int8.rotate(rows + r * stride, k, rows + r * stride);
    }
    auto* const scales = reinterpret_cast<float*>(memory + matrix.n_panels() * matrix.panel_bytes());
    round_panel(context.kernels, matrix, rows, stride, n_rows, memory + panel * matrix.panel_bytes(),
                scales + panel * matrix.panel_scales(), rows + kInt8Columns * stride);
  });
  w.add_panels(matrix);
  return w;
}

int64_t RoundedWeight::row_bytes(const Int8Kernels& int8) const {
  return padded_bytes(rounded_offset(int8, shape_.depth(), shape_.n_groups()));
}

void RoundedWeight::round_rows(Context& context, const RowSource& a, int64_t m) const {
  const Int8Kernels& int8 = context.kernels.int8;
  const int64_t k = shape_.k, n_groups = shape_.n_groups(), group = shape_.group;
  const int64_t n_bytes = row_bytes(int8);
  float* const scales = context.rounded_scales.resize(static_cast<size_t>(m * n_groups));
  std::byte* const rows = context.rounded.resize(static_cast<size_t>(m * n_bytes));
  const int64_t rows_per_task = std::max<int64_t>(1, kRoundedElements / shape_.depth());
  context.pool.for_each_by_share(static_cast<size_t>(ceil_div(m, rows_per_task)), [&](size_t task, int worker) {
    const int64_t first = static_cast<int64_t>(task) * rows_per_task;
    float* const scratch = context.scratch[static_cast<size_t>(worker)].resize(static_cast<size_t>(k));
    for (int64_t row = first; row < std::min(first + rows_per_task, m); ++row) {
      const float* x = a.row(row, scratch);
      if (shape_.packing.rotated) {
        int8.rotate(x, k, scratch);
        x = scratch;
      }
      for (int64_t g = 0; g < n_groups; ++g) {
        const int64_t k0 = g * group;
        scales[row * n_groups + g] =
            int8.round_input(x + k0, std::min(group, k - k0), std::min(group, shape_.depth() - k0),
                             rows + row * n_bytes + rounded_offset(int8, k0, g));
      }
    }
  });
}

void RoundedWeight::multiply(Context& context, int64_t m, float* c, int64_t ldc, const Epilogue& epilogue) const {
  const RoundedRows rows = {m, context.rounded.data(), row_bytes(context.kernels.int8), context.rounded_scales.data()};
  const RoundedProduct product(context.kernels, shape_, panels_, rows, epilogue, c, ldc, context.pool.n_threads());
  context.pool.for_each_by_share(product.n_tasks(), [&](size_t task, int worker) {
    product.run(task, context.scratch[static_cast<size_t>(worker)]);
  });
}

}  // namespace lode::kernels
