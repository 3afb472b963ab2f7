// Weights in 4 bits: every path against double precision within bounds that follow from the table of codes, and all
// paths bit for bit alike.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "kernels/int4_codes.h"
#include "kernels/round_panel.h"
#include "reference.h"
#include "rotation_reference.h"

namespace lode::kernels {
namespace {

using testing::normal_floats;
using testing::random_floats;
using testing::rotated_row;

class Int4 : public ::testing::TestWithParam<const Kernels*> {
 protected:
  ThreadPool pool_{2};
  Context context_{*GetParam(), pool_};
  std::mt19937 rng_{12};
};

INSTANTIATE_TEST_SUITE_P(Paths, Int4, ::testing::ValuesIn(available().begin(), available().end()), testing::path_name);

struct Int4Shape {
  int64_t m, n, k;
};

Weight in_4_bits(Context& context, const std::vector<float>& w, int64_t n, int64_t k, bool rotated) {
  const MatrixView rows = {reinterpret_cast<const std::byte*>(w.data()), DType::f32, n, k, k};
  return Weight::rounded(context, {Bits::four, rotated}, std::span(&rows, 1));
}

int value_of(int code, int number) {
  const Int4Code entry = int4_codes()[code];
  return std::clamp((number * entry.step + kInt4Unit * entry.offset) >> 2, -128, 127);
}

// The most that the element furthest off may be, in steps of 8 bits, in a group within [low, high] of them: the step
// that covers it is at most 1 / 0.63 of what is needed or the last; its numbers lie within half a step, 0.15 for the
// offset's grid, one for the offset's unit and one for the shift.
double int4_most_off(double low, double high) {
  const double needed = std::max({(high - low) / 15, high / 10.1, -low / 9.4});
  const double step = std::max(needed / 0.63, kInt4Steps[15] / 4.0);
  return 0.65 * step + 2;
}

std::vector<double> plain_row(const float* row, int64_t k) {
  return {row, row + k};
}

// By Cauchy and Schwarz group by group: errors of the weights meet the other row, whose own are those of 8 bits.
double int4_bound(const std::vector<double>& row, const std::vector<double>& column, int64_t group) {
  const auto k = std::ssize(row);
  double sum = 1e-30;
  for (int64_t k0 = 0; k0 < k; k0 += group) {
    const int64_t end = std::min(k0 + group, k);
    double row_top = 0, column_top = 0;
    for (int64_t i = k0; i < end; ++i) {
      row_top = std::max(row_top, std::fabs(row[static_cast<size_t>(i)]));
      column_top = std::max(column_top, std::fabs(column[static_cast<size_t>(i)]));
    }
    const double row_step = row_top / 127 * (0.5 + 1e-5);
    const double unit = column_top / 127 * (1 + 1e-5);
    for (int64_t b = k0; b < end; b += kInt4Group) {
      double squares = 0, column_sum = 0, low = 0, high = 0;
      const int64_t b_end = std::min<int64_t>(b + kInt4Group, end);
      for (int64_t i = b; i < b_end; ++i) {
        const double x = std::fabs(row[static_cast<size_t>(i)]) + row_step;
        squares += x * x;
        const double w = column[static_cast<size_t>(i)];
        column_sum += std::fabs(w);
        low = std::min(low, w);
        high = std::max(high, w);
      }
      if (unit > 0) {
        const double most_off = int4_most_off(low / unit, high / unit) * unit;
        sum += std::sqrt(squares) * most_off * std::sqrt(static_cast<double>(kInt4Group));
      }
      sum += column_sum * row_step;
    }
    sum += 64 * testing::kEps * static_cast<double>(end - k0) * row_top * column_top;
  }
  return sum;
}

TEST_P(Int4, TakesGroupsOfAnyLength) {
  const Int4Shape shapes[] = {{3, 17, 4500}, {30, 35, 4500}, {30, 35, 600}};
  for (const Int4Shape& s : shapes) {
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k), -1, 3);
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
    for (const int64_t group : {32, 256, 1024, 4096}) {
      const Weight weight = testing::rounded_by_groups(context_, {Bits::four, false}, w, s.n, s.k, group);
      std::vector<float> c(static_cast<size_t>(s.m * s.n));
      gemm(context_, a.data(), s.k, s.m, weight, c.data(), s.n);
      for (int64_t i = 0; i < s.m; ++i) {
        const std::vector<double> row = plain_row(a.data() + i * s.k, s.k);
        for (int64_t j = 0; j < s.n; ++j) {
          const std::vector<double> column = plain_row(w.data() + j * s.k, s.k);
          const double sum = std::inner_product(row.begin(), row.end(), column.begin(), 0.0);
          ASSERT_NEAR(c[static_cast<size_t>(i * s.n + j)], sum, int4_bound(row, column, group))
              << i << "," << j << " of " << s.m << "x" << s.n << "x" << s.k << " by groups of " << group;
        }
      }
    }
  }
}

TEST_P(Int4, AgreesWithDoublePrecisionOverOddShapes) {
  std::vector<Int4Shape> shapes = {{1, 1, 1},     {1, 33, 7},   {2, 31, 385},  {3, 64, 16},   {5, 17, 384},
                                   {12, 32, 3},   {13, 70, 40}, {25, 40, 769}, {37, 5, 1000}, {530, 18, 130},
                                   {7, 16, 1536}, {3, 5, 2048}, {2, 3, 112},   {2, 3, 576},   {1, 1, 65537}};
  for (const bool rotated : {true, false}) {
    const auto turn = rotated ? rotated_row : plain_row;
    if (!rotated) shapes.push_back({2, 3, 65536});  // slow to rotate from the definition
    for (const Int4Shape& s : shapes) {
      const int64_t lda = s.k + 3;
      const int64_t ldc = s.n + 5;
      const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k), -1, 3);
      const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * lda));
      std::vector<float> c(static_cast<size_t>(s.m * ldc), 99.0F);
      gemm(context_, a.data(), lda, s.m, in_4_bits(context_, w, s.n, s.k, rotated), c.data(), ldc);
      std::vector<std::vector<double>> columns;
      for (int64_t j = 0; j < s.n; ++j) columns.push_back(turn(w.data() + j * s.k, s.k));
      for (int64_t i = 0; i < s.m; ++i) {
        const std::vector<double> row = turn(a.data() + i * lda, s.k);
        for (int64_t j = 0; j < s.n; ++j) {
          const std::vector<double>& column = columns[static_cast<size_t>(j)];
          double sum = 0;
          for (int64_t p = 0; p < s.k; ++p) sum += row[static_cast<size_t>(p)] * column[static_cast<size_t>(p)];
          ASSERT_NEAR(c[static_cast<size_t>(i * ldc + j)], sum, int4_bound(row, column, int8_group(s.k)))
              << i << "," << j << " of " << s.m << "x" << s.n << "x" << s.k << (rotated ? " rotated" : "");
        }
        for (int64_t j = s.n; j < ldc; ++j) {
          ASSERT_EQ(c[static_cast<size_t>(i * ldc + j)], 99.0F) << "wrote past a row";
        }
      }
    }
  }
}

TEST_P(Int4, GivesTheSameBitsAsEveryOtherPath) {
  for (const Int4Shape& s : {Int4Shape{41, 50, 900}, Int4Shape{37, 40, 2500}, Int4Shape{30, 40, 4500}}) {
    const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
    const std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k), -3, 5);
    const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
    std::vector<float> here(static_cast<size_t>(s.m * s.n));
    gemm(context_, a.data(), s.k, s.m, in_4_bits(context_, w, s.n, s.k, true), here.data(), s.n, {.bias = bias.data()});
    ThreadPool one_thread(1);
    Context portable(*portable_kernels(), one_thread);
    std::vector<float> there(here.size());
    gemm(portable, a.data(), s.k, s.m, in_4_bits(portable, w, s.n, s.k, true), there.data(), s.n,
         {.bias = bias.data()});
    EXPECT_EQ(here, there) << s.k;
  }
}

TEST_P(Int4, UnpacksEveryCodeAndNumberAsTheTableSays) {
  std::vector<std::byte> blocks(16 * kInt4BlockBytes);
  for (int b = 0; b < 16; ++b) {
    std::byte* const block = blocks.data() + b * kInt4BlockBytes;
    for (int row = 0; row < kInt8Columns; ++row) block[row] = static_cast<std::byte>(16 * b + row);
    for (int i = 0; i < kInt4BlockBytes - kInt8Columns; ++i) {
      block[kInt8Columns + i] = static_cast<std::byte>(i * 7 + i / 32 * 5);
    }
  }
  std::vector<int8_t> out(16 * kInt4Group * kInt8Columns);
  GetParam()->int4.unpack(blocks.data(), 16, out.data());
  for (int b = 0; b < 16; ++b) {
    for (int row = 0; row < kInt8Columns; ++row) {
      for (int k = 0; k < kInt4Group; ++k) {
        const int byte = k / kInt8Step * 32 + row % 8 * kInt8Step + k % kInt8Step;
        const int both = static_cast<int>(blocks[static_cast<size_t>(b * kInt4BlockBytes + kInt8Columns + byte)]);
        const int at = (b * kInt4Group + k) / kInt8Step * 64 + row * kInt8Step + k % kInt8Step;
        ASSERT_EQ(out[static_cast<size_t>(at)], value_of(16 * b + row, row < 8 ? both & 15 : both >> 4))
            << "code " << 16 * b + row << ", element " << k;
      }
    }
  }
}

TEST_P(Int4, RoundsAlmostAsWellAsTheBestOfAllCodes) {
  constexpr int kBlocks = 40;
  double ours = 0, best = 0;
  for (int b = 0; b < kBlocks; ++b) {
    // Groups of every width, some off the middle.
    std::vector<float> x = normal_floats(rng_, kInt4Group * kInt8Columns);
    for (size_t i = 0; i < x.size(); ++i) {
      const auto row = static_cast<float>(i % kInt8Columns);
      x[i] = std::clamp(x[i] * (8 + 2 * row) + (b % 4 == 0 ? 2 * row : 0), -127.0F, 127.0F);
    }
    std::vector<std::byte> block(kInt4BlockBytes);
    GetParam()->int4.round_block(x.data(), block.data());
    std::vector<int8_t> out(kInt4Group * kInt8Columns);
    GetParam()->int4.unpack(block.data(), 1, out.data());
    for (int row = 0; row < kInt8Columns; ++row) {
      double least = 1e30;
      for (int code = 0; code < kInt4Codes; ++code) {
        double sum = 0;
        for (int k = 0; k < kInt4Group; ++k) {
          double nearest = 1e30;
          for (int number = 0; number < 16; ++number) {
            nearest = std::min(nearest, std::fabs(static_cast<double>(x[static_cast<size_t>(k * kInt8Columns + row)]) -
                                                  value_of(code, number)));
          }
          sum += nearest * nearest;
        }
        least = std::min(least, sum);
      }
      best += least;
      for (int k = 0; k < kInt4Group; ++k) {
        const int at = k / kInt8Step * 64 + row * kInt8Step + k % kInt8Step;
        const double off =
            static_cast<double>(x[static_cast<size_t>(k * kInt8Columns + row)]) - out[static_cast<size_t>(at)];
        ours += off * off;
      }
    }
  }
  EXPECT_GE(ours, best);
  EXPECT_LT(ours, 1.05 * best);
}

TEST_P(Int4, LosesAThirdLessOfNormalWeightsThanTheLargestOfAGroupAsItsScale) {
  const int64_t k = 1024, n = 64;
  const std::vector<float> w = normal_floats(rng_, static_cast<size_t>(n * k));
  double plain = 0;
  for (size_t g = 0; g < w.size(); g += kInt4Group) {
    float top = 0;
    for (size_t i = g; i < g + kInt4Group; ++i) top = std::max(top, std::fabs(w[i]));
    for (size_t i = g; i < g + kInt4Group; ++i) plain += std::pow(w[i] - std::nearbyint(w[i] / top * 7) * top / 7, 2);
  }
  RotationTrial trial;
  for (int64_t r = 0; r < n; ++r) {
    std::vector<float> row(w.begin() + r * k, w.begin() + (r + 1) * k);
    trial.add(*GetParam(), row.data(), k);
  }
  EXPECT_LT(trial.plain, plain * 2 / 3);
  EXPECT_LT(trial.rotated, plain * 2 / 3);
  EXPECT_TRUE(trial.rotation_pays());
}

TEST_P(Int4, RotatesWeightsWithOutliersAndNotThoseThatSpreadEvenly) {
  RotationTrial even, outliers;
  for (int r = 0; r < 8; ++r) {
    std::vector<float> row = random_floats(rng_, 1024);
    even.add(*GetParam(), row.data(), 1024);
    row = random_floats(rng_, 1024);
    for (size_t i = 0; i < 1024; i += 100) row[i] *= 8;
    outliers.add(*GetParam(), row.data(), 1024);
  }
  EXPECT_FALSE(even.rotation_pays());
  EXPECT_TRUE(outliers.rotation_pays());
  EXPECT_LT(outliers.rotated, outliers.plain);
}

TEST_P(Int4, ARowDoesNotDependOnItsNeighbours) {
  const Int4Shape s = {67, 90, 800};
  const std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
  const Weight weight = in_4_bits(context_, w, s.n, s.k, true);
  std::vector<float> a = random_floats(rng_, static_cast<size_t>(s.m * s.k));
  for (int64_t p = 0; p < s.k; ++p) a[static_cast<size_t>(3 * s.k + p)] *= 1e6F;
  std::vector<float> all(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, weight, all.data(), s.n);
  for (const int64_t row : {0, 4, 66}) {
    std::vector<float> alone(static_cast<size_t>(s.n));
    gemm(context_, a.data() + row * s.k, s.k, 1, weight, alone.data(), s.n);
    EXPECT_EQ(0, std::memcmp(alone.data(), all.data() + row * s.n, alone.size() * sizeof(float))) << row;
  }
}

TEST_P(Int4, AFewChannelsAHundredTimesLargerCostNoMoreThanTheFourBits) {
  const Int4Shape s = {20, 256, 1024};
  const std::vector<float> w = normal_floats(rng_, static_cast<size_t>(s.n * s.k));
  std::vector<float> a = normal_floats(rng_, static_cast<size_t>(s.m * s.k));
  for (const int64_t channel : {7, 133, 134, 501}) {
    for (int64_t i = 0; i < s.m; ++i) a[static_cast<size_t>(i * s.k + channel)] *= 100;
  }
  std::vector<float> c(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, in_4_bits(context_, w, s.n, s.k, true), c.data(), s.n);
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
    // Relative squared error 0.0055 of weights and 0.0002 of the rows: 1 - 0.0057 / 2 on average, here over 256.
    EXPECT_GT(dot / std::sqrt(ours * exact), 0.9955) << "row " << i;
  }
}

TEST_P(Int4, ZeroRowsGiveTheBiasAndRowsThatAreNotFiniteSaySo) {
  const Int4Shape s = {4, 20, 260};
  std::vector<float> w = random_floats(rng_, static_cast<size_t>(s.n * s.k));
  std::fill_n(w.begin() + 3 * s.k, s.k, 0.0F);
  w[static_cast<size_t>(5 * s.k + 130)] = NAN;
  std::vector<float> a(static_cast<size_t>(s.m * s.k), 0.0F);
  std::fill_n(a.begin() + s.k, s.k, 1.0F);
  a[static_cast<size_t>(2 * s.k + 5)] = INFINITY;
  a[static_cast<size_t>(3 * s.k + 259)] = NAN;
  const std::vector<float> bias = random_floats(rng_, static_cast<size_t>(s.n));
  std::vector<float> c(static_cast<size_t>(s.m * s.n));
  gemm(context_, a.data(), s.k, s.m, in_4_bits(context_, w, s.n, s.k, true), c.data(), s.n, {.bias = bias.data()});
  EXPECT_EQ(c[static_cast<size_t>(s.n + 3)], bias[3]);
  EXPECT_TRUE(std::isnan(c[static_cast<size_t>(s.n + 5)]));
  for (int64_t j = 0; j < s.n; ++j) {
    if (j != 5) {
      EXPECT_EQ(c[static_cast<size_t>(j)], bias[static_cast<size_t>(j)]);
    }
    EXPECT_TRUE(std::isnan(c[static_cast<size_t>(2 * s.n + j)]));
    EXPECT_TRUE(std::isnan(c[static_cast<size_t>(3 * s.n + j)]));
  }
}

}  // namespace
}  // namespace lode::kernels
