// Products in 8 bits: every path against double precision within a bound that follows from the rounding steps, and all
// paths bit for bit alike.
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "reference.h"
#include "rotation_reference.h"

namespace lode::kernels {
namespace {

using testing::kEps;
using testing::random_floats;
using testing::rotated_row;

class Int8 : public ::testing::TestWithParam<const Kernels*> {
 protected:
  ThreadPool pool_{2};
  Context context_{*GetParam(), pool_};
  std::mt19937 rng_{11};
};

INSTANTIATE_TEST_SUITE_P(Paths, Int8, ::testing::ValuesIn(available().begin(), available().end()), testing::path_name);

struct ProductShape {
  int64_t m, n, k;
};

Weight weight_of(Context& context, const std::vector<float>& w, int64_t n, int64_t k) {
  const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, n, k, k};
  return Weight::rounded(context, {Bits::eight, true}, std::span(&rows, 1));
}

double largest(const std::vector<double>& x) {
  double top = 0;
  for (const double v : x) top = std::max(top, std::fabs(v));
  return top;
}

double total(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += std::fabs(v);
  return sum;
}

// Each rotated element is off by half a step at most, a step being a 127th of its group's largest; sums of groups are
// rounded as f32.
double error_bound(const std::vector<double>& row, const std::vector<double>& column, int64_t group) {
  const auto k = std::ssize(row);
  double sum = 1e-30;
  for (int64_t k0 = 0; k0 < k; k0 += group) {
    const auto part = [&](const std::vector<double>& x) {
      return std::vector<double>(x.begin() + k0, x.begin() + std::min(k0 + group, k));
    };
    const std::vector<double> r = part(row), c = part(column);
    const double row_step = largest(r) / 127 * (0.5 + 1e-5), column_step = largest(c) / 127 * (0.5 + 1e-5);
    const auto size = static_cast<double>(r.size());
    sum += total(r) * column_step + total(c) * row_step + size * row_step * column_step;
    sum += 64 * kEps * size * largest(r) * largest(c);
  }
  return sum;
}

void expect_close(const std::vector<float>& a, int64_t lda, const std::vector<float>& w, const std::vector<float>& c,
                  int64_t ldc, const ProductShape& s, int64_t group) {
  std::vector<std::vector<double>> columns;
  for (int64_t j = 0; j < s.n; ++j) columns.push_back(rotated_row(w.data() + j * s.k, s.k));
  for (int64_t i = 0; i < s.m; ++i) {
    const std::vector<double> row = rotated_row(a.data() + i * lda, s.k);
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < s.k; ++p) {
        sum += static_cast<double>(a[static_cast<size_t>(i * lda + p)]) *
               static_cast<double>(w[static_cast<size_t>(j * s.k + p)]);
      }
      ASSERT_NEAR(c[static_cast<size_t>(i * ldc + j)], sum, error_bound(row, columns[static_cast<size_t>(j)], group))
          << i << "," << j << " of " << s.m << "x" << s.n << "x" << s.k;
    }
  }
}

TEST_P(Int8, AgreesWithDoublePrecisionOverOddShapes) {
  const std::vector<ProductShape> shapes = {
      {1, 1, 1},    {1, 33, 7},    {2, 31, 385},  {3, 64, 16},     {5, 17, 384},  {12, 32, 3},
      {13, 70, 40}, {25, 40, 769}, {37, 5, 1000}, {530, 18, 130},  {7, 16, 1536}, {3, 5, 2048},
      {2, 3, 80},   {2, 3, 112},   {2, 3, 576},   {2, 3, 11 * 32}, {2, 3, 832},   {2, 3, 240},
      {2, 3, 272},  {1, 2, 4096},  {1, 2, 8192},  {1, 2, 14336},   {1, 1, 65537}};
  for (const ProductShape& s : shapes) {
    const int64_t lda = s.k + 3;
    const int64_t ldc = s.n + 5;
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * lda));
    std::vector<float> c(static_cast<size_t>(s.m * ldc), 99.0F);
    gemm(context_, a.data(), lda, s.m, weight_of(context_, w, s.n, s.k), c.data(), ldc);
    expect_close(a, lda, w, c, ldc, s, int8_group(s.k));
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = s.n; j < ldc; ++j) ASSERT_EQ(c[static_cast<size_t>(i * ldc + j)], 99.0F) << "wrote past a row";
    }
  }
}

// Files say how long their groups are, and those of version 1 have shorter ones.
TEST_P(Int8, TakesGroupsOfAnyLength) {
  const ProductShape shapes[] = {{3, 17, 4500}, {30, 35, 4500}, {30, 35, 600}};
  for (const ProductShape& s : shapes) {
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
    for (const int64_t group : {32, 128, 256, 1024, 1536, 4096}) {
      const Weight weight = testing::rounded_by_groups(context_, {Bits::eight, true}, w, s.n, s.k, group);
      std::vector<float> c(static_cast<size_t>(s.m * s.n));
      gemm(context_, a.data(), s.k, s.m, weight, c.data(), s.n);
      expect_close(a, s.k, w, c, s.n, s, group);
    }
  }
}

TEST_P(Int8, GivesTheSameBitsAsEveryOtherPath) {
  for (const ProductShape& s : {ProductShape{41, 50, 900}, ProductShape{37, 40, 2500}, ProductShape{30, 40, 4500}}) {
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k), -3, 5);
    const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
    std::vector<float> here(static_cast<size_t>(s.m * s.n));
    gemm(context_, a.data(), s.k, s.m, weight_of(context_, w, s.n, s.k), here.data(), s.n, {.bias = bias.data()});
    ThreadPool one_thread(1);
    Context portable(*portable_kernels(), one_thread);
    std::vector<float> there(here.size());
    gemm(portable, a.data(), s.k, s.m, weight_of(portable, w, s.n, s.k), there.data(), s.n, {.bias = bias.data()});
    EXPECT_EQ(here, there) << s.k;
  }
}

TEST_P(Int8, ARowDoesNotDependOnItsNeighbours) {
  const ProductShape s = {67, 90, 800};
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
  const Weight weight = weight_of(context_, w, s.n, s.k);
  std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
  for (int64_t p = 0; p < s.k; ++p)
    a[static_cast<size_t>(3 * s.k + p)] *= 1e6F;  // a scale a batch would let this one in
  std::vector<float> all(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight, all.data(), s.n);
  for (const int64_t row : {0, 4, 66}) {
    std::vector<float> alone(static_cast<size_t>(s.n));
    gemm(context_, a.data() + row * s.k, s.k, 1, weight, alone.data(), s.n);
    EXPECT_EQ(0, std::memcmp(alone.data(), all.data() + row * s.n, alone.size() * sizeof(float))) << row;
  }
}

TEST_P(Int8, AFewChannelsAHundredTimesLargerCostLittle) {
  const ProductShape s = {20, 256, 1024};
  std::normal_distribution<float> normal;
  std::vector<float> w(static_cast<size_t>(s.n * s.k)), a(static_cast<size_t>(s.m * s.k));
  for (float& x : w) x = normal(rng_);
  for (float& x : a) x = normal(rng_);
  // One scale a row without the rotation gives 0.994 here.
  for (const int64_t channel : {7, 133, 134, 501}) {
    for (int64_t i = 0; i < s.m; ++i) a[static_cast<size_t>(i * s.k + channel)] *= 100;
  }
  std::vector<float> c(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight_of(context_, w, s.n, s.k), c.data(), s.n);
  for (int64_t i = 0; i < s.m; ++i) {
    double dot = 0, ours = 0, exact = 0;
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < s.k; ++p) {
        sum += static_cast<double>(a[static_cast<size_t>(i * s.k + p)]) *
               static_cast<double>(w[static_cast<size_t>(j * s.k + p)]);
      }
      const double x = c[static_cast<size_t>(i * s.n + j)];
      dot += x * sum;
      ours += x * x;
      exact += sum * sum;
    }
    EXPECT_GT(dot / std::sqrt(ours * exact), 0.999) << "row " << i;
  }
}

TEST_P(Int8, SumsOfTheLargestGroupAreExact) {
  const Int8Kernels& int8 = GetParam()->int8;
  const std::vector<float> row(static_cast<size_t>(kInt8MostGroup), 1.0F);
  std::vector<std::byte> a(static_cast<size_t>(int8.head_bytes + kInt8MostGroup * int8.element_bytes));
  EXPECT_EQ(int8.round_input(row.data(), kInt8MostGroup, kInt8MostGroup, a.data()), 1.0F / 127.0F);
  std::vector<int8_t> b(static_cast<size_t>(kInt8MostGroup * kInt8Columns), -127);
  // One weight smaller by one in every column, so that sums are odd: an f32 sum would lose that on its way.
  for (int j = 0; j < kInt8Columns; ++j) b[static_cast<size_t>(j * kInt8Step)] = -126;
  const float one = 1;
  const std::vector<float> ones(kInt8Columns, one);
  for (int n_panels = 1; n_panels <= int8.tile_panels; ++n_panels) {
    std::vector<float> totals(2 * kInt8Columns, 3.0F);
    const std::vector<float> bias(kInt8Columns, 5.0F);
    Int8Tile work;
    work.n_rows = 1;
    work.n_panels = n_panels;
    work.rows = a.data();
    work.row_bytes = std::ssize(a);
    work.row_scales = &one;
    work.depth = kInt8MostGroup;
    for (int i = 0; i < n_panels; ++i) {
      work.panels[i] = b.data();
      work.column_scales[i] = ones.data();
      work.before[i] = bias.data();
      work.out[i] = totals.data() + i * kInt8Columns;
    }
    constexpr auto kSum = static_cast<float>(-127 * 127 * static_cast<int32_t>(kInt8MostGroup) + 127);
    const float first = kSum + 5;
    const auto gives = [&](float sum) {
      int8.tile(work);
      for (int j = 0; j < n_panels * kInt8Columns; ++j) EXPECT_EQ(totals[static_cast<size_t>(j)], sum);
    };
    gives(first);
    work.accumulate = true;
    gives(first + first);
    work.accumulate = false;
    for (int i = 0; i < n_panels; ++i) work.before[i] = work.out[i];
    gives(first + first + kSum);
  }
}

TEST(Int8Group, IsHalfOfAShortRowAndNeverLargerThanTheMost) {
  EXPECT_EQ(int8_group(384), 192);
  EXPECT_EQ(int8_group(576), 320);
  EXPECT_EQ(int8_group(1536), 768);
  EXPECT_EQ(int8_group(4096), 4096);
  EXPECT_EQ(int8_group(14336), 3584);
  for (int64_t k = 1; k <= 65536; ++k) {
    const int64_t group = int8_group(k);
    ASSERT_LE(group, kInt8MostGroup) << k;
    ASSERT_EQ(group % kInt4Group, 0) << k;
  }
}

// Weights as tile() takes them: exponentials in 255ths of the largest, times values as they lie.
TEST_P(Int8, WeightsOfAttentionAreExponentialsToTheNearestStep) {
  const Int8Kernels& int8 = GetParam()->int8;
  for (const int64_t n : {1, 16, 63, 64, 65, 200, 256}) {
    for (const int64_t seen : {int64_t{0}, n / 3, n - 1, n}) {
      for (const float spread : {1.0F, 20.0F, 200.0F}) {
        const auto room = static_cast<size_t>((n + kInt8WeightStep - 1) / kInt8WeightStep * kInt8WeightStep);
        std::vector<float> scores = random_floats(rng_, room, -spread, spread);
        const std::vector<float> factors = random_floats(rng_, room, 0.5F, 2.0F);
        float top = GetParam()->largest(scores.data(), seen);
        if (seen == 0) top = 1.0F;
        std::fill(scores.begin() + seen, scores.end(), std::numeric_limits<float>::quiet_NaN());
        const int64_t n_bytes = int8.head_bytes + static_cast<int64_t>(room) * int8.element_bytes;
        std::vector<std::byte> row(static_cast<size_t>(n_bytes) + 64, std::byte{0xAA});
        float left_out = 0;
        const double sum = int8.weights(scores.data(), factors.data(), seen, n, top, row.data(), &left_out);
        double want_sum = 0, want_left = 0;
        for (int64_t i = 0; i < static_cast<int64_t>(room); ++i) {
          const double weight =
              i < seen ? 255 * std::exp(static_cast<double>(scores[static_cast<size_t>(i)]) - top) : 0;
          want_sum += weight * factors[static_cast<size_t>(i)];
          const std::byte* const at = row.data() + int8.head_bytes + i * int8.element_bytes;
          int16_t got = 0;
          std::memcpy(&got, at, static_cast<size_t>(int8.element_bytes));
          ASSERT_EQ(got == 255 || weight < 255, true);
          want_left += weight - got;
          ASSERT_NEAR(got, weight, 0.5 + 255 * 1.4e-4) << i << " of " << n << ", " << spread;
        }
        EXPECT_NEAR(sum, want_sum, 2e-4 * want_sum + 1e-30);
        EXPECT_NEAR(left_out, want_left, 2e-4 * want_sum * 2 + 1e-30);
        for (size_t i = static_cast<size_t>(n_bytes); i < row.size(); ++i) ASSERT_EQ(row[i], std::byte{0xAA});
      }
    }
  }
}

TEST_P(Int8, TilesOfWeightsAreExact) {
  const Int8Kernels& int8 = GetParam()->int8;
  constexpr int64_t kDepth = 256;
  const int64_t row_bytes = int8.head_bytes + kDepth * int8.element_bytes;
  const int n_rows = int8.tile_rows, n_panels = int8.tile_panels;
  std::vector<std::byte> rows(static_cast<size_t>(n_rows * row_bytes), std::byte{0x5A});
  std::vector<int8_t> panels(static_cast<size_t>(n_panels * kDepth * kInt8Columns));
  for (int8_t& x : panels) x = static_cast<int8_t>(static_cast<int>(rng_() % 255) - 127);
  std::fill_n(panels.begin(), 40, int8_t{-127});
  std::vector<int> weights(static_cast<size_t>(n_rows * kDepth));
  for (int& x : weights) x = rng_() % 3 == 0 ? 255 : static_cast<int>(rng_() % 256);
  for (int64_t i = 0; i < std::ssize(weights); ++i) {
    const auto x = static_cast<int16_t>(weights[static_cast<size_t>(i)]);
    std::memcpy(rows.data() + i / kDepth * row_bytes + int8.head_bytes + i % kDepth * int8.element_bytes, &x,
                static_cast<size_t>(int8.element_bytes));
  }
  const std::vector<float> ones(kInt8Columns, 1.0F), zeros(kInt8Columns, 0.0F);
  std::vector<float> out(static_cast<size_t>(n_panels * n_rows * kInt8Columns));
  Int8Tile work;
  work.n_rows = n_rows;
  work.n_panels = n_panels;
  work.rows = rows.data();
  work.row_bytes = row_bytes;
  work.row_scales = ones.data();
  work.scale_stride = 0;
  work.depth = kDepth;
  work.rows_are_weights = true;
  for (int p = 0; p < n_panels; ++p) {
    work.panels[p] = panels.data() + p * kDepth * kInt8Columns;
    work.column_scales[p] = ones.data();
    work.before[p] = zeros.data();
    work.out[p] = out.data() + p * n_rows * kInt8Columns;
    work.out_stride[p] = kInt8Columns;
  }
  int8.tile(work);
  for (int64_t p = 0; p < n_panels; ++p) {
    for (int64_t r = 0; r < n_rows; ++r) {
      for (int64_t c = 0; c < kInt8Columns; ++c) {
        int64_t sum = 0;
        for (int64_t k = 0; k < kDepth; ++k) {
          const int64_t at = (k / kInt8Step * kInt8Columns + c) * kInt8Step + k % kInt8Step;
          sum += int64_t{weights[static_cast<size_t>(r * kDepth + k)]} *
                 panels[static_cast<size_t>(p * kDepth * kInt8Columns + at)];
        }
        ASSERT_EQ(out[static_cast<size_t>((p * n_rows + r) * kInt8Columns + c)], static_cast<float>(sum));
      }
    }
  }
}

TEST_P(Int8, ZeroRowsGiveTheBiasAndRowsThatAreNotFiniteSaySo) {
  const ProductShape s = {4, 20, 260};
  std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
  std::fill_n(w.begin() + 3 * s.k, s.k, 0.0F);
  std::vector<float> a(static_cast<size_t>(s.m * s.k), 0.0F);
  std::fill_n(a.begin() + s.k, s.k, 1e-40F);  // too small for a scale
  a[static_cast<size_t>(2 * s.k + 5)] = INFINITY;
  a[static_cast<size_t>(3 * s.k + 259)] = NAN;
  const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
  std::vector<float> c(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight_of(context_, w, s.n, s.k), c.data(), s.n, {.bias = bias.data()});
  for (int64_t j = 0; j < s.n; ++j) {
    EXPECT_EQ(c[static_cast<size_t>(j)], bias[static_cast<size_t>(j)]);
    EXPECT_EQ(c[static_cast<size_t>(s.n + j)], bias[static_cast<size_t>(j)]);
    EXPECT_TRUE(std::isnan(c[static_cast<size_t>(2 * s.n + j)]));
    EXPECT_TRUE(std::isnan(c[static_cast<size_t>(3 * s.n + j)]));
  }
}

TEST_P(Int8, PartsStackedWhereTheyLieGiveTheBitsOfOneMatrix) {
  const ProductShape s = {9, 70, 300};
  const std::vector<float> w = testing::normal_floats(rng_, static_cast<size_t>(s.n * s.k));
  const std::vector<float> a = testing::normal_floats(rng_, static_cast<size_t>(s.m * s.k));
  for (const Bits bits : {Bits::eight, Bits::four}) {
    const Packing packing{bits, true};
    std::vector<RoundedWeight> owners;
    std::vector<PackedMatrix> parts;
    int64_t first = 0;
    for (const int64_t rows : {16, 23, 1, 30}) {  // panels that are not full in the middle
      owners.push_back(RoundedWeight::round(context_, {packing, rows, s.k}, [&](int64_t row, float* out) {
        std::copy_n(w.data() + (first + row) * s.k, s.k, out);
      }));
      parts.push_back({packing, rows, s.k, owners.back().bytes().data()});
      ASSERT_EQ(std::ssize(owners.back().bytes()), parts.back().n_bytes());
      first += rows;
    }
    std::vector<float> stacked(static_cast<size_t>(s.m * s.n)), whole(stacked.size());
    gemm(context_, a.data(), s.k, s.m, Weight::rounded(parts), stacked.data(), s.n);
    const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, s.n, s.k, s.k};
    gemm(context_, a.data(), s.k, s.m, Weight::rounded(context_, packing, std::span(&rows, 1)), whole.data(), s.n);
    EXPECT_EQ(stacked, whole);
  }
}

}  // namespace
}  // namespace lode::kernels
