// Products in BF16: every path against double precision over the rounded numbers, within a bound that follows from the
// additions in f32.
#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "kernels/quantize.h"
#include "reference.h"

namespace lode::kernels {
namespace {

using testing::bfloat_value;
using testing::kEps;
using testing::random_floats;

class Bf16 : public ::testing::TestWithParam<const Kernels*> {
 protected:
  ThreadPool pool_{2};
  Context context_{*GetParam(), pool_};
  std::mt19937 rng_{17};

  // A row as round_row() leaves it, widened again; n + n % 2 elements.
  static std::vector<float> rounded(const std::vector<float>& x) {
    const Bf16Kernels& bf16 = GetParam()->bf16;
    const size_t n = x.size() + x.size() % 2;
    const auto bytes = static_cast<size_t>(bf16.element_bytes);
    std::vector<std::byte> row(n * bytes + 8, std::byte{0xAA});
    bf16.round_row(x.data(), std::ssize(x), row.data());
    for (size_t i = n * bytes; i < row.size(); ++i) EXPECT_EQ(row[i], std::byte{0xAA}) << "wrote past the row";
    return widened(row, n);
  }

  static std::vector<float> widened(const std::vector<std::byte>& row, size_t n) {
    const auto bytes = static_cast<size_t>(GetParam()->bf16.element_bytes);
    std::vector<float> out(n);
    for (size_t i = 0; i < n; ++i) {
      if (bytes == sizeof(float)) {
        std::memcpy(&out[i], row.data() + i * bytes, bytes);
      } else {
        uint16_t half = 0;
        std::memcpy(&half, row.data() + i * bytes, sizeof half);
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
      }
    }
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(Paths, Bf16, ::testing::ValuesIn(available().begin(), available().end()), testing::path_name);

std::vector<double> nearest(const std::vector<float>& x) {
  std::vector<uint16_t> stored(x.size());
  EXPECT_TRUE(quantize(x.data(), std::ssize(x), DType::bf16, reinterpret_cast<std::byte*>(stored.data())));
  std::vector<double> out;
  for (const uint16_t one : stored) out.push_back(bfloat_value(one));
  return out;
}

Weight bf16_weight(Context& context, const std::vector<float>& w, int64_t n, int64_t k) {
  const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, n, k, k};
  return Weight::bf16(context, std::span(&rows, 1));
}

// c [m, n] (row stride ldc) against a [m, k] (row stride lda) and w [n, k].
void expect_near(const std::vector<float>& a, int64_t lda, const std::vector<float>& w, const std::vector<float>& c,
                 int64_t ldc, int64_t m, int64_t n, int64_t k) {
  const std::vector<double> rows = nearest(a), columns = nearest(w);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t p = 0; p < k; ++p) {
        const double x = rows[static_cast<size_t>(i * lda + p)] * columns[static_cast<size_t>(j * k + p)];
        sum += x;
        size += std::fabs(x);
      }
      // A block's additions, the blocks', and a product that was rounded by itself.
      const double additions = static_cast<double>(std::min(k, kBf16DepthBlock) + k / kBf16DepthBlock + 3);
      ASSERT_NEAR(c[static_cast<size_t>(i * ldc + j)], sum, 2 * kEps * additions * size + 1e-30)
          << i << "," << j << " of " << m << "x" << n << "x" << k;
    }
  }
}

TEST_P(Bf16, AgreesWithDoublePrecisionOverOddShapes) {
  const std::vector<std::array<int64_t, 3>> shapes = {
      {1, 1, 1},      {1, 33, 7},    {2, 31, 513},   {3, 64, 16},    {5, 17, 512},  {12, 32, 3},
      {13, 70, 40},   {25, 40, 31},  {37, 5, 1025},  {530, 18, 130}, {7, 16, 1536}, {3, 5, 2049},
      {2, 65, 14336}, {1, 1, 65537}, {20, 40, 2047}, {20, 40, 2048}, {30, 40, 2050}};
  for (const auto& [m, n, k] : shapes) {
    const int64_t lda = k + 3, ldc = n + 5;
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(n * k));
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * lda));
    std::vector<float> c(static_cast<size_t>(m * ldc), 99.0F);
    gemm(context_, a.data(), lda, m, bf16_weight(context_, w, n, k), c.data(), ldc);
    expect_near(a, lda, w, c, ldc, m, n, k);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = n; j < ldc; ++j) ASSERT_EQ(c[static_cast<size_t>(i * ldc + j)], 99.0F) << "wrote past a row";
    }
  }
}

TEST_P(Bf16, RoundsRowsToTheNearestTiesToEven) {
  std::vector<float> x = random_floats(rng_, 1000, -1e6F, 1e6F);
  for (uint32_t i = 0; i < 300; ++i) {
    x.push_back(std::bit_cast<float>(0x3F800000U + i * 0x4000U));  // quarters of a step: ties among them
    x.push_back(-x.back());
  }
  for (const size_t n :
       {x.size(), x.size() - 1, size_t{1}, size_t{2}, size_t{15}, size_t{31}, size_t{33}, size_t{47}}) {
    const std::vector<float> part(x.end() - static_cast<std::ptrdiff_t>(n), x.end());
    std::vector<double> expected = nearest(part);
    if (n % 2 != 0) expected.push_back(0);
    const std::vector<float> got = rounded(part);
    EXPECT_EQ(std::vector<double>(got.begin(), got.end()), expected) << n;
  }
}

TEST_P(Bf16, InfinityStaysAndNanStaysNan) {
  const std::vector<float> got = rounded(
      {INFINITY, -INFINITY, NAN, std::bit_cast<float>(0x7F800001U), std::bit_cast<float>(0xFFFFFFFFU), 3.4e38F});
  EXPECT_EQ(got[0], INFINITY);
  EXPECT_EQ(got[1], -INFINITY);
  for (const size_t i : {2, 3, 4}) EXPECT_TRUE(std::isnan(got[i])) << i;
  EXPECT_EQ(got[5], INFINITY);
}

TEST_P(Bf16, ExponentialsAreTheExactOnesRoundedWithZerosBehindWhatIsSeen) {
  for (const int64_t n : {1, 2, 15, 16, 17, 31, 32, 33, 100, 239, 256}) {
    for (const int64_t seen : {n, n / 2, int64_t{0}}) {
      for (const float spread : {1.0F, 40.0F, 200.0F}) {
        std::vector<float> scores = random_floats(rng_, 288, -spread, spread), exact = scores;
        std::fill(scores.begin() + seen, scores.end(), std::numeric_limits<float>::quiet_NaN());
        std::vector<std::byte> row(288 * sizeof(float), std::byte{0xAA});
        const float shift = std::max(-1.0F, GetParam()->largest(exact.data(), seen) * 0.5F);
        const double got = GetParam()->bf16.exponentials(scores.data(), seen, n, 0.5F, shift, row.data());
        const double want = GetParam()->exponentials(exact.data(), seen, 0.5F, shift);
        EXPECT_NEAR(got, want, 1.5e-4 * want + 1e-37 * static_cast<double>(n)) << n << ", " << spread;
        const auto with_zero = static_cast<size_t>(n + n % 2);
        const std::vector<float> weights = widened(row, with_zero);
        for (size_t i = 0; i < with_zero; ++i) {
          const double one = static_cast<int64_t>(i) < seen ? static_cast<double>(exact[i]) : 0;
          ASSERT_NEAR(weights[i], one, (1.5e-4 + 0x1p-8) * one + 1e-37) << i << " of " << n << ", " << spread;
        }
        const auto room = static_cast<size_t>((n + 31) / 32 * 32 * GetParam()->bf16.element_bytes);
        for (size_t i = room; i < row.size(); ++i) {
          ASSERT_EQ(row[i], std::byte{0xAA}) << "wrote past its lines";
        }
      }
    }
  }
}

TEST_P(Bf16, ARowDoesNotDependOnItsNeighbours) {
  const int64_t m = 67, n = 90, k = 4100;
  const Weight weight = bf16_weight(context_, random_floats(rng_, static_cast<size_t>(n * k)), n, k);
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  std::vector<float> all(static_cast<size_t>(m * n));
  gemm(context_, a.data(), k, m, weight, all.data(), n);
  for (const int64_t row : {0, 4, 66}) {
    std::vector<float> alone(static_cast<size_t>(n));
    gemm(context_, a.data() + row * k, k, 1, weight, alone.data(), n);
    EXPECT_EQ(0, std::memcmp(alone.data(), all.data() + row * n, alone.size() * sizeof(float))) << row;
  }
}

TEST_P(Bf16, TheEpilogueIsThatOfEveryProduct) {
  const int64_t m = 20, n = 41, k = 70;
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(n * k));
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(n));
  const Weight weight = bf16_weight(context_, w, n, k);
  std::vector<float> plain(static_cast<size_t>(m * n)), c = random_floats(rng_, plain.size());
  const std::vector<float> before = c;
  gemm(context_, a.data(), k, m, weight, plain.data(), n);
  gemm(context_, a.data(), k, m, weight, c.data(), n, {.bias = bias.data(), .accumulate = true});
  for (size_t i = 0; i < c.size(); ++i) {
    EXPECT_EQ(c[i], (plain[i] + bias[i % static_cast<size_t>(n)]) + before[i]) << i;
  }
}

TEST_P(Bf16, EveryWayInGivesTheSameWeight) {
  const int64_t m = 9, n = 70, k = 301;
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(n * k));
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  std::vector<float> transposed(w.size());
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t p = 0; p < k; ++p) transposed[static_cast<size_t>(p * n + j)] = w[static_cast<size_t>(j * k + p)];
  }
  std::vector<uint16_t> halves(w.size());
  ASSERT_TRUE(quantize(w.data(), std::ssize(w), DType::bf16, reinterpret_cast<std::byte*>(halves.data())));
  const MatrixView stored = {reinterpret_cast<const std::byte*>(halves.data()), DType::bf16, n, k, k};
  const auto product = [&](const Weight& weight) {
    std::vector<float> c(static_cast<size_t>(m * n));
    gemm(context_, a.data(), k, m, weight, c.data(), n);
    return c;
  };
  const std::vector<float> expected = product(bf16_weight(context_, w, n, k));
  EXPECT_EQ(product(Weight::bf16_transposed(context_, transposed.data(), n, k)), expected);
  EXPECT_EQ(product(Weight::bf16(context_, std::span(&stored, 1))), expected);
}

}  // namespace
}  // namespace lode::kernels
