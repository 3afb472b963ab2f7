// Every path's matrix product against double precision, within a bound that follows from the sums of |a w|.
#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include "reference.h"

namespace lode::kernels {
namespace {

using testing::kEps;
using testing::random_floats;
using testing::random_stored;
using testing::Stored;

class Gemm : public ::testing::TestWithParam<const Kernels*> {
 protected:
  ThreadPool pool_{2};
  Context context_{*GetParam(), pool_};
  std::mt19937 rng_{7};
};

INSTANTIATE_TEST_SUITE_P(Paths, Gemm, ::testing::ValuesIn(available().begin(), available().end()), testing::path_name);

MatrixView view(const Stored& w, DType dtype, int64_t n, int64_t k) {
  return {w.bytes.data(), dtype, n, k, k};
}

struct Shape {
  int64_t m, n, k;
};

// Within the error bound of a sum of blocks: (depth of a block + blocks + a few) half-ulps of the sum of magnitudes.
void expect_close(const std::vector<float>& a, int64_t lda, const Stored& w, const std::vector<float>& c, int64_t ldc,
                  const Shape& s) {
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = 0;
      double magnitude = 0;
      for (int64_t p = 0; p < s.k; ++p) {
        const double term =
            static_cast<double>(a[static_cast<size_t>(i * lda + p)]) * w.values[static_cast<size_t>(j * s.k + p)];
        sum += term;
        magnitude += std::fabs(term);
      }
      const double depth = static_cast<double>(std::min(s.k, kDepthBlock) + s.k / kDepthBlock + 4);
      ASSERT_NEAR(c[static_cast<size_t>(i * ldc + j)], sum, depth * kEps * magnitude + 1e-30)
          << i << "," << j << " of " << s.m << "x" << s.n << "x" << s.k;
    }
  }
}

TEST_P(Gemm, AgreesWithDoublePrecisionOverOddShapes) {
  const std::vector<Shape> shapes = {{1, 1, 1},   {1, 33, 7},   {2, 31, 385},  {3, 64, 16},   {5, 17, 384},
                                     {12, 32, 3}, {13, 70, 40}, {25, 96, 769}, {37, 5, 1000}, {600, 9, 33}};
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const Shape& s : shapes) {
      const Stored w = random_stored(rng_, dtype, static_cast<size_t>(s.n * s.k));
      const MatrixView stored = view(w, dtype, s.n, s.k);
      const int64_t lda = s.k + 3;
      const int64_t ldc = s.n + 5;
      const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * lda));
      std::vector<float> in_place(static_cast<size_t>(s.m * ldc), 99.0F);
      std::vector<float> packed = in_place;
      gemm(context_, a.data(), lda, s.m, Weight::in_place(std::span(&stored, 1)), in_place.data(), ldc);
      gemm(context_, a.data(), lda, s.m, Weight::packed(context_, std::span(&stored, 1)), packed.data(), ldc);
      expect_close(a, lda, w, in_place, ldc, s);
      ASSERT_EQ(in_place, packed) << "packing changed a bit, or something outside of C";
      for (int64_t i = 0; i < s.m; ++i) {
        for (int64_t j = s.n; j < ldc; ++j)
          ASSERT_EQ(packed[static_cast<size_t>(i * ldc + j)], 99.0F) << "wrote past a row";
      }
    }
  }
}

TEST_P(Gemm, ARowDoesNotDependOnItsNeighboursOrTheThreads) {
  const Shape s = {67, 90, 800};
  const Stored w = random_stored(rng_, DType::f16, static_cast<size_t>(s.n * s.k));
  const MatrixView stored = view(w, DType::f16, s.n, s.k);
  const Weight weight = Weight::in_place(std::span(&stored, 1));
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
  std::vector<float> all(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight, all.data(), s.n);
  ThreadPool one_thread(1);
  Context alone(*GetParam(), one_thread);
  for (int64_t first : {int64_t{0}, int64_t{11}, int64_t{66}}) {
    for (int64_t rows : {int64_t{1}, int64_t{2}, int64_t{13}, int64_t{40}}) {
      if (first + rows > s.m) continue;
      std::vector<float> part(static_cast<size_t>(rows * s.n));
      gemm(alone, a.data() + first * s.k, s.k, rows, weight, part.data(), s.n);
      EXPECT_EQ(0, std::memcmp(part.data(), all.data() + first * s.n, part.size() * sizeof(float)))
          << first << "+" << rows;
    }
  }
}

TEST_P(Gemm, TheEpilogueAddsTheBiasThenTheActivationThenTheResidual) {
  const Shape s = {14, 45, 50};
  const Stored w = random_stored(rng_, DType::f32, static_cast<size_t>(s.n * s.k));
  const MatrixView stored = view(w, DType::f32, s.n, s.k);
  const Weight weight = Weight::packed(context_, std::span(&stored, 1));
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
  const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
  const std::vector<float> residual = random_floats(rng_, static_cast<size_t>(s.m * s.n));
  std::vector<float> plain(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight, plain.data(), s.n);
  std::vector<float> all = residual;
  gemm(context_, a.data(), s.k, s.m, weight, all.data(), s.n, {.bias = bias.data(), .gelu = true, .accumulate = true});
  for (size_t i = 0; i < all.size(); ++i) {
    const double x = static_cast<double>(plain[i]) + static_cast<double>(bias[i % static_cast<size_t>(s.n)]);
    EXPECT_NEAR(all[i], testing::gelu(x) + static_cast<double>(residual[i]), 8 * kEps * (std::fabs(x) + 2)) << i;
  }
}

TEST_P(Gemm, StackedPartsAreOneMatrix) {
  const int64_t k = 70;
  const Stored w = random_stored(rng_, DType::bf16, static_cast<size_t>(50 * k));
  const MatrixView whole = view(w, DType::bf16, 50, k);
  const MatrixView parts[] = {{whole.data, DType::bf16, 19, k, k}, {whole.data + 19 * k * 2, DType::bf16, 31, k, k}};
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(8 * k));
  std::vector<float> from_whole(8 * 50);
  std::vector<float> from_parts(8 * 50);
  gemm(context_, a.data(), k, 8, Weight::in_place(std::span(&whole, 1)), from_whole.data(), 50);
  gemm(context_, a.data(), k, 8, Weight::in_place(parts), from_parts.data(), 50);
  EXPECT_EQ(from_whole, from_parts);
}

TEST_P(Gemm, ATransposedCopyIsTheSameWeight) {
  const int64_t n = 37;
  const int64_t k = 410;
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(n * k));
  std::vector<float> transposed(w.size());
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t p = 0; p < k; ++p) transposed[static_cast<size_t>(p * n + j)] = w[static_cast<size_t>(j * k + p)];
  }
  const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, n, k, k};
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(6 * k));
  std::vector<float> x(static_cast<size_t>(6 * n));
  std::vector<float> y = x;
  gemm(context_, a.data(), k, 6, Weight::packed(context_, std::span(&rows, 1)), x.data(), n);
  gemm(context_, a.data(), k, 6, Weight::packed_transposed(context_, transposed.data(), n, k), y.data(), n);
  EXPECT_EQ(x, y);
}

TEST_P(Gemm, NoRowsIsNoWork) {
  const std::vector<float> w(4, 1.0F);
  const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, 2, 2, 2};
  gemm(context_, nullptr, 2, 0, Weight::in_place(std::span(&rows, 1)), nullptr, 2);
}

}  // namespace
}  // namespace lode::kernels
