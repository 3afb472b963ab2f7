// Every path's matrix product against double precision, within a bound that follows from the sums of |a w|.
#include "kernels/gemm.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

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

// Of every form, with panels that are whole and one that is not, of sums that are whole at once and of several blocks:
// the bias, then the activation, then the residual, and nothing behind a row's end.
TEST_P(Gemm, TheEpilogueAddsTheBiasThenTheActivationThenTheResidual) {
  using Form = Weight::Form;
  for (const Shape& s : {Shape{14, 45, 50}, Shape{43, 137, 1300}, Shape{1, 64, 384}, Shape{400, 96, 40},
                         Shape{43, 73, 2500}, Shape{200, 64, 4100}}) {
    const Stored w = random_stored(rng_, DType::f32, static_cast<size_t>(s.n * s.k));
    const MatrixView stored = view(w, DType::f32, s.n, s.k);
    const int64_t ldc = s.n + 3;
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
    const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
    const std::vector<float> residual = random_floats(rng_, static_cast<size_t>(s.m * ldc));
    for (const auto& [form, bits] : {std::pair{Form::packed, Bits::eight}, std::pair{Form::bf16, Bits::eight},
                                     std::pair{Form::rounded, Bits::eight}, std::pair{Form::rounded, Bits::four}}) {
      const Weight weight = Weight::stacked(context_, form, {bits, true}, std::span(&stored, 1));
      std::vector<float> plain(static_cast<size_t>(s.m * ldc));
      gemm(context_, a.data(), s.k, s.m, weight, plain.data(), ldc);
      for (int which = 0; which < 8; ++which) {
        const Epilogue epilogue = {
            .bias = (which & 1) != 0 ? bias.data() : nullptr, .gelu = (which & 2) != 0, .accumulate = (which & 4) != 0};
        std::vector<float> c = residual;
        gemm(context_, a.data(), s.k, s.m, weight, c.data(), ldc, epilogue);
        for (int64_t i = 0; i < s.m * ldc; ++i) {
          const auto at = static_cast<size_t>(i);
          const auto column = static_cast<size_t>(i % ldc);
          if (column >= bias.size()) {
            ASSERT_EQ(c[at], residual[at]);
            continue;
          }
          double x = static_cast<double>(plain[at]);
          if (epilogue.bias != nullptr) x += static_cast<double>(bias[column]);
          // Of the order in which blocks and the bias are added: up to 9 of some five deviations of a sum.
          double slack = 16 * kEps * (std::fabs(x) + 2 * std::sqrt(static_cast<double>(s.k)));
          if (epilogue.gelu && form != Form::packed) slack += 4e-5 + 5e-6 * std::fabs(x);
          if (epilogue.gelu) x = testing::gelu(x);
          if (epilogue.accumulate) x += static_cast<double>(residual[at]);
          ASSERT_NEAR(c[at], x, slack) << i / ldc << "," << column << " of " << s.m << "x" << s.n << "x" << s.k
                                       << ", form " << static_cast<int>(form) << ", epilogue " << which;
        }
      }
    }
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

TEST_P(Gemm, AGatedProductIsThatOfItsHalves) {
  using Form = Weight::Form;
  for (const auto& [m, half, k] :
       {std::array<int64_t, 3>{53, 64, 400}, {5, 256, 1100}, {17, 40, 90}, {1, 33, 64}, {205, 48, 4500}}) {
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
    const std::vector<float> gate = random_floats(rng_, static_cast<size_t>(half * k));
    const std::vector<float> up = random_floats(rng_, static_cast<size_t>(half * k));
    const auto view = [&](const std::vector<float>& x) {
      return MatrixView{reinterpret_cast<const std::byte*>(x.data()), DType::f32, half, k, k};
    };
    const std::array both = {view(gate), view(up)};
    for (const Form form : {Form::in_place, Form::packed, Form::bf16, Form::rounded}) {
      for (const Bits bits : {Bits::eight, Bits::four}) {
        const Packing packing = {bits, true};
        const bool close = form == Form::bf16 || form == Form::rounded;
        const int64_t ldc = half + 3;
        std::vector<float> c(static_cast<size_t>(m * ldc), 99.0F), wide(static_cast<size_t>(m * 2 * half));
        gemm(context_, a.data(), k, m, Weight::gated(context_, form, packing, both[0], both[1]), c.data(), ldc,
             {.gated = true});
        gemm(context_, a.data(), k, m, Weight::stacked(context_, form, packing, both), wide.data(), 2 * half);
        for (int64_t i = 0; i < m; ++i) {
          const float* const row = wide.data() + i * 2 * half;
          std::vector<float> expected(static_cast<size_t>(ldc), 99.0F);
          GetParam()->finish_gated(1, row, row + half, 0, static_cast<int>(half), close, expected.data(), 0);
          ASSERT_EQ(0, std::memcmp(expected.data(), c.data() + i * ldc, expected.size() * sizeof(float)))
              << "row " << i << " of " << m << "x" << half << "x" << k << ", form " << static_cast<int>(form);
        }
      }
    }
  }
}

TEST_P(Gemm, ProductsTogetherAreThoseOneByOne) {
  using Form = Weight::Form;
  const int64_t m = 29, k = 420;
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(96 * k));
  const auto view = [&](int64_t first, int64_t rows) {
    return MatrixView{reinterpret_cast<const std::byte*>(w.data() + first * k), DType::f32, rows, k, k};
  };
  for (const Form form : {Form::in_place, Form::packed, Form::bf16, Form::rounded}) {
    const std::array views = {view(0, 33), view(33, 50)};
    const Packing packing = {Bits::eight, true};
    const Weight first = Weight::stacked(context_, form, packing, std::span(views).first(1));
    const Weight second = Weight::stacked(context_, form, packing, std::span(views).last(1));
    // Without rotation rows are rounded otherwise.
    const Weight plain = Weight::stacked(context_, Form::rounded, {Bits::eight, false}, std::span(views).first(1));
    const Weight gate = Weight::gated(context_, form, packing, view(0, 40), view(40, 40));
    std::vector<std::vector<float>> together(4, std::vector<float>(static_cast<size_t>(m * 50)));
    auto alone = together;
    const std::array<const Weight*, 4> weights = {&first, &second, &plain, &gate};
    std::vector<Product> products;
    for (size_t i = 0; i < weights.size(); ++i) {
      const Epilogue epilogue = {.gated = weights[i] == &gate};
      products.push_back({*weights[i], together[i].data(), 50, epilogue});
      gemm(context_, a.data(), k, m, *weights[i], alone[i].data(), 50, epilogue);
    }
    gemm(context_, a.data(), k, m, products);
    EXPECT_EQ(together, alone) << "form " << static_cast<int>(form);
  }
}

TEST_P(Gemm, RowsThatAreMadeAreAsGoodAsThoseInMemory) {
  const int64_t m = 130, k = 300, half = 64;
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  const std::vector<float> x = random_floats(rng_, static_cast<size_t>(half * k));
  const std::vector<float> y = random_floats(rng_, static_cast<size_t>(half * k));
  const auto view = [&](const std::vector<float>& w) {
    return MatrixView{reinterpret_cast<const std::byte*>(w.data()), DType::f32, half, k, k};
  };
  const std::array both = {view(x), view(y)};
  for (const Weight::Form form :
       {Weight::Form::in_place, Weight::Form::packed, Weight::Form::bf16, Weight::Form::rounded}) {
    for (const bool gated : {false, true}) {
      const Packing packing = {Bits::eight, true};
      const Weight one = gated ? Weight::gated(context_, form, packing, both[0], both[1])
                               : Weight::stacked(context_, form, packing, both);
      const Weight other = Weight::stacked(context_, form, packing, std::span(both).first(1));
      const size_t n_one = static_cast<size_t>(m * (gated ? half : 2 * half)), n_other = static_cast<size_t>(m * half);
      std::vector<float> made_one(n_one), made_other(n_other), one_out(n_one), other_out(n_other);
      std::vector<std::atomic<int>> n_made(static_cast<size_t>(m));
      const auto ldc = static_cast<int64_t>(n_one) / m;
      const Epilogue epilogue = {.gated = gated};
      gemm(context_, a.data(), k, m,
           std::array{Product{one, one_out.data(), ldc, epilogue}, Product{other, other_out.data(), half}});
      const RowReader read_row = [&](int64_t row, float* out) {
        ++n_made[static_cast<size_t>(row)];
        std::copy_n(a.data() + row * k, k, out);
      };
      gemm(context_, read_row, m,
           std::array{Product{one, made_one.data(), ldc, epilogue}, Product{other, made_other.data(), half}});
      EXPECT_EQ(made_one, one_out);
      EXPECT_EQ(made_other, other_out);
      for (const auto& n : n_made) EXPECT_EQ(n, 1) << "made for both products at once";
    }
  }
}

TEST_P(Gemm, RowsRoundedForSomeGroupsAreNotThoseOfOthers) {
  const int64_t m = 5, n = 20, k = 420;
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(n * k));
  const auto by_groups_of = [&](int64_t group) {
    return testing::rounded_by_groups(context_, {Bits::eight, true}, w, n, k, group);
  };
  const std::array weights = {by_groups_of(128), by_groups_of(256)};
  std::vector<std::vector<float>> together(2, std::vector<float>(static_cast<size_t>(m * n)));
  auto alone = together;
  std::vector<Product> products;
  for (size_t i = 0; i < weights.size(); ++i) {
    products.push_back({weights[i], together[i].data(), n});
    gemm(context_, a.data(), k, m, weights[i], alone[i].data(), n);
  }
  gemm(context_, a.data(), k, m, products);
  EXPECT_EQ(together, alone);
  EXPECT_NE(alone[0], alone[1]);
}

TEST_P(Gemm, AGatedProductOfMatricesThatWereRoundedBefore) {
  const int64_t m = 30, half = 72, k = 300;  // a last panel that is not full
  const std::vector<float> a = random_floats(rng_, static_cast<size_t>(m * k));
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(2 * half * k));
  for (const Bits bits : {Bits::eight, Bits::four}) {
    std::vector<RoundedWeight> owners;
    std::vector<PackedMatrix> parts;
    for (const int64_t first : {int64_t{0}, half}) {
      owners.push_back(RoundedWeight::round(context_, {{bits, true}, half, k}, [&](int64_t row, float* out) {
        std::copy_n(w.data() + (first + row) * k, k, out);
      }));
      parts.push_back({{bits, true}, half, k, owners.back().bytes().data()});
    }
    std::vector<float> c(static_cast<size_t>(m * half)), expected(c.size()), wide(static_cast<size_t>(m * 2 * half));
    gemm(context_, a.data(), k, m, Weight::gated(parts[0], parts[1]), c.data(), half, {.gated = true});
    gemm(context_, a.data(), k, m, Weight::rounded(parts), wide.data(), 2 * half);
    GetParam()->finish_gated(m, wide.data(), wide.data() + half, 2 * half, static_cast<int>(half), true,
                             expected.data(), half);
    EXPECT_EQ(c, expected);
  }
}

}  // namespace
}  // namespace lode::kernels
