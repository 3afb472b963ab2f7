// ggml's blocked types on every path: unpacked rows and panels are the same bits everywhere, products are those of the
// unpacked rows, whatever types are stacked and however rows lie. Whether the values are ggml's own is asked of its
// Python package in tests/e2e/test_convert.py.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/gemm.h"
#include "kernels/quantize.h"
#include "reference.h"

namespace lode::kernels {
namespace {

using testing::random_floats;

constexpr std::array kBlocked = {DType::q8_0, DType::q4_0, DType::q4_1, DType::q4_k, DType::q5_k, DType::q6_k};

std::vector<std::byte> random_rows(std::mt19937& rng, DType dtype, int64_t rows, int64_t k) {
  std::vector<std::byte> out(static_cast<size_t>(rows * row_bytes(dtype, k)));
  for (std::byte& b : out) b = static_cast<std::byte>(rng());
  return out;
}

// With scales that are ordinary numbers: every pair of bytes that could be one gets a small exponent.
std::vector<std::byte> tame_rows(std::mt19937& rng, DType dtype, int64_t rows, int64_t k) {
  std::vector<std::byte> out = random_rows(rng, dtype, rows, k);
  const int64_t bytes = layout(dtype).bytes;
  for (size_t block = 0; block < out.size(); block += static_cast<size_t>(bytes)) {
    for (const size_t at : {size_t{1}, size_t{3}, static_cast<size_t>(bytes - 1)}) {
      out[block + at] = static_cast<std::byte>(0x20 | (std::to_integer<int>(out[block + at]) & 0x87));
    }
  }
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) return false;
  }
  return a.size() == b.size();
}

class Blocks : public ::testing::TestWithParam<const Kernels*> {
 protected:
  ThreadPool pool_{2};
  Context context_{*GetParam(), pool_};
  std::mt19937 rng_{5};
};

INSTANTIATE_TEST_SUITE_P(Paths, Blocks, ::testing::ValuesIn(available().begin(), available().end()),
                         testing::path_name);

TEST_P(Blocks, AnyBytesUnpackAsOnThePortablePath) {
  for (const DType dtype : kBlocked) {
    constexpr int64_t kN = 4096;
    const auto rows = random_rows(rng_, dtype, 1, kN);  // scales that are infinite or no numbers included
    std::vector<float> here(kN);
    std::vector<float> portable(kN);
    context_.kernels.to_f32(rows.data(), dtype, kN, here.data());
    portable_kernels()->to_f32(rows.data(), dtype, kN, portable.data());
    EXPECT_TRUE(same_bits(here, portable)) << name(dtype);
  }
}

TEST_P(Blocks, APanelHoldsTheUnpackedRows) {
  const Kernels& k = context_.kernels;
  for (const DType dtype : kBlocked) {
    constexpr int64_t kDepth = 768;
    const int n = k.panel_width - 1;
    const auto stored = random_rows(rng_, dtype, n, kDepth);
    std::vector<const std::byte*> rows;
    std::vector<std::vector<float>> values;
    for (int64_t r = 0; r < n; ++r) {
      rows.push_back(stored.data() + r * row_bytes(dtype, kDepth));
      k.to_f32(rows.back(), dtype, kDepth, values.emplace_back(kDepth).data());
    }
    // The second block of products starts in the middle of a block of 256.
    for (const auto& [k0, depth] : {std::pair<int64_t, int64_t>{0, kDepthBlock}, {kDepthBlock, kDepth - kDepthBlock}}) {
      std::vector<float> panel(static_cast<size_t>(depth * k.panel_width), 7.0F);
      k.pack_panel({rows.data(), n, dtype}, k0, depth, panel.data());
      std::vector<float> expected;
      for (int64_t i = 0; i < depth; ++i) {
        for (int r = 0; r < k.panel_width; ++r) {
          expected.push_back(r < n ? values[static_cast<size_t>(r)][static_cast<size_t>(k0 + i)] : 0.0F);
        }
      }
      EXPECT_TRUE(same_bits(panel, expected)) << name(dtype) << " from " << k0;
    }
  }
}

TEST_P(Blocks, AProductIsThatOfTheUnpackedRowsWhateverTypesAreStacked) {
  constexpr int64_t kK = 512;
  constexpr int64_t kM = 5;
  // Parts of 24 rows, so that panels of 16 and 32 columns hold more than one type.
  constexpr int64_t kRows = 24;
  std::vector<std::vector<std::byte>> stored;
  std::vector<MatrixView> views;
  std::vector<float> unpacked;
  for (const DType dtype : {DType::q4_k, DType::f16, DType::q6_k, DType::q8_0}) {
    stored.push_back(dtype == DType::f16 ? testing::random_stored(rng_, dtype, kRows * kK).bytes
                                         : tame_rows(rng_, dtype, kRows, kK));
    views.push_back({stored.back().data(), dtype, kRows, kK, kK});
    std::vector<float> values(kRows * kK);
    context_.kernels.to_f32(stored.back().data(), dtype, kRows * kK, values.data());
    unpacked.insert(unpacked.end(), values.begin(), values.end());
  }
  const auto n = static_cast<int64_t>(views.size()) * kRows;
  const MatrixView plain = {reinterpret_cast<const std::byte*>(unpacked.data()), DType::f32, n, kK, kK};
  const auto a = random_floats(rng_, kM * kK);
  const auto product = [&](const Weight& w) {
    std::vector<float> c(static_cast<size_t>(kM * n));
    gemm(context_, a.data(), kK, kM, w, c.data(), n);
    return c;
  };
  const auto expected = product(Weight::in_place(std::span(&plain, 1)));
  for (const float x : expected) ASSERT_TRUE(std::isfinite(x));
  EXPECT_TRUE(same_bits(product(Weight::in_place(views)), expected));
  EXPECT_TRUE(same_bits(product(Weight::packed(context_, views)), expected));
  EXPECT_TRUE(same_bits(product(Weight::rounded(context_, {}, views)),
                        product(Weight::rounded(context_, {}, std::span(&plain, 1)))));
}

TEST(Interleaved, RowsOfAHeadAreHalfAHeadApartInMemoryOrder) {
  const std::vector<float> rows = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const MatrixView view = {reinterpret_cast<const std::byte*>(rows.data()), DType::f32, 12, 1, 1, 6};
  std::vector<float> order;
  for (int64_t r = 0; r < 12; ++r) {
    float value = 0;
    std::memcpy(&value, view.row(r), sizeof value);
    order.push_back(value);
  }
  EXPECT_EQ(order, (std::vector<float>{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}));
}

TEST(Quantize, RefusesWhatTheTypeCannotHold) {
  std::vector<float> x(32, 1.0F);
  std::vector<std::byte> out(128);
  EXPECT_TRUE(quantize(x.data(), 32, DType::f16, out.data()));
  for (const auto& [value, dtype] : {std::pair{65520.0F, DType::f16},
                                     {3.4e38F, DType::bf16},
                                     {65520.0F * 127, DType::q8_0},
                                     {-65520.0F * 8, DType::q4_0},
                                     {INFINITY, DType::f32},
                                     {NAN, DType::q8_0}}) {
    x[17] = value;
    EXPECT_FALSE(quantize(x.data(), 32, dtype, out.data())) << value << " as " << name(dtype);
  }
  x[17] = 65519.0F;
  EXPECT_TRUE(quantize(x.data(), 32, DType::f16, out.data()));
}

TEST(Quantize, AZeroBlockStaysZero) {
  const std::vector<float> x(32, 0.0F);
  for (const DType dtype : {DType::q8_0, DType::q4_0}) {
    std::vector<std::byte> out(64);
    std::vector<float> back(32, 1.0F);
    ASSERT_TRUE(quantize(x.data(), 32, dtype, out.data()));
    portable_kernels()->to_f32(out.data(), dtype, 32, back.data());
    EXPECT_EQ(back, x) << name(dtype);
  }
}

}  // namespace
}  // namespace lode::kernels
