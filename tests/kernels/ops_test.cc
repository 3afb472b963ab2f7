// The row functions of every path against double precision, at every length around the vector width, with guards on
// both sides of each row.
#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "reference.h"

namespace lode::kernels {
namespace {

using testing::kEps;
using testing::random_floats;

class Ops : public ::testing::TestWithParam<const Kernels*> {
 protected:
  // Lengths that end anywhere in a vector, and a real one.
  static std::vector<int64_t> lengths() {
    std::vector<int64_t> n;
    for (int64_t i = 1; i <= 70; ++i) n.push_back(i);
    n.push_back(4096);
    return n;
  }

  const Kernels& k() { return *GetParam(); }
  std::vector<float> row(int64_t n, float low = -3, float high = 3) {
    return random_floats(rng_, static_cast<size_t>(n), low, high);
  }

  std::mt19937 rng_{3};
};

INSTANTIATE_TEST_SUITE_P(Paths, Ops, ::testing::ValuesIn(available().begin(), available().end()), testing::path_name);

// A copy of a row that notices writes before and after it.
class Guarded {
 public:
  explicit Guarded(const std::vector<float>& row) : memory_(row.size() + 64, kGuard) {
    std::copy(row.begin(), row.end(), memory_.begin() + 32);
  }
  ~Guarded() {
    for (size_t i = 0; i < 32; ++i) {
      EXPECT_EQ(memory_[i], kGuard);
      EXPECT_EQ(memory_[memory_.size() - 1 - i], kGuard);
    }
  }
  float* data() { return memory_.data() + 32; }
  double operator[](int64_t i) const { return memory_[static_cast<size_t>(i) + 32]; }

 private:
  static constexpr float kGuard = 12345.0F;
  std::vector<float> memory_;
};

double at(const std::vector<float>& row, int64_t i) {
  return row[static_cast<size_t>(i)];
}

TEST_P(Ops, RmsNorm) {
  for (const int64_t n : lengths()) {
    const auto x = row(n);
    const auto w = row(n);
    Guarded out(x);
    k().rms_norm(out.data(), w.data(), n, 1e-5F, out.data());
    double squares = 0;
    for (int64_t i = 0; i < n; ++i) squares += at(x, i) * at(x, i);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
    for (int64_t i = 0; i < n; ++i) {
      const double want = at(w, i) * at(x, i) * factor;
      ASSERT_NEAR(out[i], want, 300 * kEps * std::fabs(want) + 1e-30) << n;
    }
  }
}

TEST_P(Ops, LayerNorm) {
  for (const int64_t n : lengths()) {
    const auto x = row(n, 9, 10);  // a mean far from zero
    const auto w = row(n);
    const auto b = row(n);
    Guarded out(x);
    k().layer_norm(out.data(), w.data(), b.data(), n, 1e-5F, out.data());
    double mean = 0;
    for (int64_t i = 0; i < n; ++i) mean += at(x, i) / static_cast<double>(n);
    double variance = 0;
    for (int64_t i = 0; i < n; ++i) variance += (at(x, i) - mean) * (at(x, i) - mean) / static_cast<double>(n);
    const double factor = 1 / std::sqrt(variance + 1e-5);
    for (int64_t i = 0; i < n; ++i) {
      // The mean of numbers near 10 is good to a few half-ulps of 10; the factor makes that larger.
      const double bound = kEps * (60 * 10 * factor * std::fabs(at(w, i)) + 40);
      ASSERT_NEAR(out[i], (at(x, i) - mean) * factor * at(w, i) + at(b, i), bound) << n;
    }
  }
}

TEST_P(Ops, L2Normalize) {
  for (const int64_t n : lengths()) {
    const auto x = row(n);
    Guarded out(x);
    EXPECT_TRUE(k().l2_normalize(out.data(), n));
    double norm = 0;
    for (int64_t i = 0; i < n; ++i) norm += at(x, i) * at(x, i);
    for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(out[i], at(x, i) / std::sqrt(norm), 2 * kEps);
  }
  std::vector<float> zero(5, 0.0F);
  EXPECT_TRUE(k().l2_normalize(zero.data(), 5));
  EXPECT_EQ(zero, std::vector<float>(5, 0.0F));
  std::vector<float> huge(5, 1e30F);  // its square does not fit a float
  EXPECT_TRUE(k().l2_normalize(huge.data(), 5));
  EXPECT_NEAR(huge[0], 1 / std::sqrt(5.0), 1e-7);
  std::vector<float> broken = {1.0F, NAN};
  EXPECT_FALSE(k().l2_normalize(broken.data(), 2));
}

TEST_P(Ops, RotateHalf) {
  for (int64_t half = 1; half <= 70; ++half) {
    const auto x = row(2 * half);
    const auto angle = row(half);
    std::vector<float> cosine, sine;
    for (const float a : angle) {
      cosine.push_back(std::cos(a));
      sine.push_back(std::sin(a));
    }
    Guarded out(x);
    k().rotate_half(out.data(), cosine.data(), sine.data(), half);
    for (int64_t i = 0; i < half; ++i) {
      ASSERT_NEAR(out[i], at(x, i) * at(cosine, i) - at(x, half + i) * at(sine, i), 12 * kEps);
      ASSERT_NEAR(out[half + i], at(x, half + i) * at(cosine, i) + at(x, i) * at(sine, i), 12 * kEps);
    }
  }
}

TEST_P(Ops, FinishGated) {
  for (const int64_t n : lengths()) {
    const auto gate = row(n, -120, 120);
    const auto up = row(n);
    for (const bool close : {false, true}) {
      Guarded out(gate);
      k().finish_gated(1, gate.data(), up.data(), 0, static_cast<int>(n), close, out.data(), 0);
      for (int64_t i = 0; i < n; ++i) {
        const double want = testing::silu(at(gate, i)) * at(up, i);
        const double error = close ? 1.5e-4 : 12 * kEps;
        ASSERT_NEAR(out[i], want, error * std::fabs(want) + 1e-30) << at(gate, i);
      }
    }
  }
}

TEST_P(Ops, GeluIsTheExactOneOverItsWholeRange) {
  std::vector<float> x;
  for (double v = -12; v <= 12; v += 0.001) x.push_back(static_cast<float>(v));
  x.insert(x.end(), {0.0F, -0.0F, 1e-20F, -1e-20F, 1000.0F, -1000.0F});
  std::vector<float> out = x;
  k().gelu(out.data(), static_cast<int64_t>(out.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    const double want = testing::gelu(x[i]);
    // For negative x the result is a small exp(-p) with p about x^2 / 2, whose rounding is a relative error. Beyond
    // -5.9 erfc is held at erfc(4.2): what is left is below 2e-9 of x.
    const double exponent = std::min(x[i] < 0 ? static_cast<double>(x[i]) * static_cast<double>(x[i]) : 0.0, 40.0);
    ASSERT_NEAR(out[i], want, (16 + 2 * exponent) * kEps * std::fabs(want) + 2e-9 * std::fabs(x[i])) << x[i];
  }
}

TEST_P(Ops, TheCloseGeluIsOffByLessThanCoarseArithmeticSees) {
  std::vector<float> x;
  for (double v = -12; v <= 12; v += 0.001) x.push_back(static_cast<float>(v));
  x.insert(x.end(), {0.0F, -0.0F, 1000.0F, -1000.0F, INFINITY});
  std::vector<float> out(x.size());
  k().finish(1, x.data(), 0, static_cast<int>(x.size()), {.gelu = true, .close = true}, out.data(), 0);
  EXPECT_EQ(out.back(), INFINITY);
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    ASSERT_NEAR(out[i], testing::gelu(x[i]), 4e-5 + 5e-6 * std::fabs(x[i])) << x[i];
  }
}

TEST_P(Ops, MulGeluAndAddAndScale) {
  for (const int64_t n : lengths()) {
    const auto x = row(n);
    const auto y = row(n);
    Guarded product(x);
    k().mul_gelu(product.data(), y.data(), n);
    Guarded sum(x);
    k().add(sum.data(), y.data(), n);
    Guarded scaled(x);
    k().scale(scaled.data(), 0.37F, n, scaled.data());
    std::vector<float> rows(static_cast<size_t>(2 * n + 5), 9.0F);
    const std::vector<float> both = {x.data(), x.data() + n}, factors = {0.37F, -2.0F};
    k().scale_rows(both.data(), 0, factors.data(), 2, n, rows.data(), n + 3);
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_NEAR(product[i], at(x, i) * testing::gelu(at(y, i)), 12 * kEps * 9);
      ASSERT_EQ(sum[i], static_cast<double>(x[static_cast<size_t>(i)] + y[static_cast<size_t>(i)]));
      ASSERT_EQ(scaled[i], static_cast<double>(x[static_cast<size_t>(i)] * 0.37F));
      ASSERT_EQ(rows[static_cast<size_t>(i)], x[static_cast<size_t>(i)] * 0.37F);
      ASSERT_EQ(rows[static_cast<size_t>(n + 3 + i)], x[static_cast<size_t>(i)] * -2.0F);
    }
    for (const int64_t i : {n, n + 1, n + 2, 2 * n + 3, 2 * n + 4}) ASSERT_EQ(rows[static_cast<size_t>(i)], 9.0F);
  }
}

TEST_P(Ops, TheLargestOfARowIsFoundWhereverItIs) {
  EXPECT_EQ(k().largest(nullptr, 0), -3.0e38F);
  for (const int64_t n : lengths()) {
    auto s = row(n, -40, -1);
    for (int64_t i = 0; i < n; ++i) {
      const float before = std::exchange(s[static_cast<size_t>(i)], -0.5F);
      ASSERT_EQ(k().largest(s.data(), n), -0.5F) << i << " of " << n;
      s[static_cast<size_t>(i)] = before;
    }
    ASSERT_EQ(k().largest(s.data(), n), *std::ranges::max_element(s)) << n;
  }
}

TEST_P(Ops, ExponentialsOverTheirSumAreASoftmax) {
  for (const int64_t n : lengths()) {
    const auto s = row(n, -40, 40);
    double top = -INFINITY;
    for (int64_t i = 0; i < n; ++i) top = std::max(top, at(s, i) * 0.5);
    Guarded all(s);
    const float sum = k().exponentials(all.data(), n, 0.5F, static_cast<float>(top));
    double total = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double want = std::exp(at(s, i) * 0.5 - top);
      total += want;
      // The rounding of the exponent is a relative error of the result.
      ASSERT_NEAR(all[i], want, (8 + 2 * (std::fabs(at(s, i)) + std::fabs(top))) * kEps * want) << n;
    }
    ASSERT_NEAR(sum, total, (static_cast<double>(n) / 16 + 100) * kEps * total);
  }
}

TEST_P(Ops, ToF32IsExactForEveryHalfAndBfloat) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  std::vector<float> out(all.size());
  const auto* bytes = reinterpret_cast<const std::byte*>(all.data());
  k().to_f32(bytes, DType::f16, 65536, out.data());
  for (size_t i = 0; i < all.size(); ++i) {
    const double want = testing::half_value(all[i]);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(out[i])) << i;
    } else {
      ASSERT_EQ(out[i], want) << i;
    }
  }
  k().to_f32(bytes, DType::bf16, 65536, out.data());
  for (size_t i = 0; i < all.size(); ++i) {
    const double want = testing::bfloat_value(all[i]);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(out[i])) << i;
    } else {
      ASSERT_EQ(out[i], want) << i;
    }
  }
}

TEST_P(Ops, ToF32ReadsNoFurtherThanItsSource) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (int64_t n = 1; n <= 40; ++n) {
      const testing::Stored s = testing::random_stored(rng_, dtype, static_cast<size_t>(n));
      // Its own heap block of exactly the right size, so that a sanitizer sees one byte too many.
      const std::vector<std::byte> exact(s.bytes.begin(), s.bytes.end());
      Guarded out(std::vector<float>(static_cast<size_t>(n)));
      k().to_f32(exact.data(), dtype, n, out.data());
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(out[i], s.values[static_cast<size_t>(i)]);
    }
  }
}

TEST_P(Ops, FmaPeakCountsItsWork) {
  float sink = 0.5F;
  const double once = k().fma_peak(10, &sink);
  EXPECT_GT(once, 0);
  sink = 0.5F;
  EXPECT_EQ(k().fma_peak(20, &sink), 2 * once);
  EXPECT_TRUE(std::isfinite(sink));
}

}  // namespace
}  // namespace lode::kernels
