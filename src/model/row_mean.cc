#include "model/row_mean.h"

#include <algorithm>

namespace lode::model {
namespace {

constexpr int64_t kColumnsPerTask = 512;

}  // namespace

RowMean::RowMean(std::span<const int64_t> offsets, int64_t n_columns, float* out)
    : offsets_(offsets), n_columns_(n_columns), out_(out), sums_(static_cast<size_t>(n_columns), 0.0) {}

void RowMean::add(kernels::Context& context, const float* rows, int64_t stride, int64_t n_rows) {
  const int64_t n_tasks = (n_columns_ + kColumnsPerTask - 1) / kColumnsPerTask;
  context.pool.for_each(static_cast<size_t>(n_tasks), [&](size_t task, int) {
    const int64_t first = static_cast<int64_t>(task) * kColumnsPerTask;
    const int64_t last = std::min(first + kColumnsPerTask, n_columns_);
    size_t sequence = sequence_;
    for (int64_t row = 0; row < n_rows; ++row) {
      for (int64_t c = first; c < last; ++c)
        sums_[static_cast<size_t>(c)] += static_cast<double>(rows[row * stride + c]);
      if (n_seen_ + row + 1 != offsets_[sequence + 1]) continue;
      const double count = static_cast<double>(offsets_[sequence + 1] - offsets_[sequence]);
      float* out = out_ + static_cast<int64_t>(sequence) * n_columns_;
      for (int64_t c = first; c < last; ++c) {
        out[c] = static_cast<float>(sums_[static_cast<size_t>(c)] / count);
        sums_[static_cast<size_t>(c)] = 0;
      }
      ++sequence;
    }
  });
  n_seen_ += n_rows;
  while (sequence_ + 1 < offsets_.size() && offsets_[sequence_ + 1] <= n_seen_) ++sequence_;
}

}  // namespace lode::model
