#include "model/row_mean.h"

#include <random>

#include <gtest/gtest.h>

namespace lode::model {
namespace {

TEST(RowMean, IsTheMeanOfEachSequenceHoweverItsRowsAreFed) {
  std::mt19937 rng(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  const std::vector<int64_t> offsets = {0, 1, 8, 9, 40};
  const int64_t n_columns = 600;
  const int64_t stride = 607;
  std::vector<float> rows(static_cast<size_t>(40 * stride));
  for (float& x : rows) x = uniform(rng);
  ThreadPool pool(2);
  kernels::Context context(*kernels::available().back(), pool);
  std::vector<float> first;
  for (const int64_t chunk : {int64_t{40}, int64_t{1}, int64_t{7}, int64_t{9}}) {
    std::vector<float> out(static_cast<size_t>(4 * n_columns));
    RowMean mean(offsets, n_columns, out.data());
    for (int64_t row = 0; row < 40; row += chunk) {
      mean.add(context, rows.data() + row * stride, stride, std::min(chunk, 40 - row));
    }
    if (first.empty()) first = out;
    EXPECT_EQ(out, first) << "chunks of " << chunk;
  }
  for (size_t s = 0; s < 4; ++s) {
    for (int64_t c = 0; c < n_columns; ++c) {
      double sum = 0;
      for (int64_t row = offsets[s]; row < offsets[s + 1]; ++row)
        sum += static_cast<double>(rows[static_cast<size_t>(row * stride + c)]);
      const double want = sum / static_cast<double>(offsets[s + 1] - offsets[s]);
      ASSERT_EQ(first[s * static_cast<size_t>(n_columns) + static_cast<size_t>(c)], static_cast<float>(want));
    }
  }
}

}  // namespace
}  // namespace lode::model
