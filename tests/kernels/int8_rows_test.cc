#include "kernels/int8_rows.h"

#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lode::kernels {
namespace {

int32_t expected_product(const std::vector<int8_t>& a, const std::vector<int8_t>& b) {
  int32_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += int32_t{a[i]} * int32_t{b[i]};
  return sum;
}

TEST(Int8Rows, ProductsAreExactOnEveryPath) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> byte(INT8_MIN, INT8_MAX);
  for (size_t n = 0; n < 300; ++n) {
    std::vector<int8_t> x(n), y(n);
    for (int8_t& value : x) value = static_cast<int8_t>(byte(random));
    for (int8_t& value : y) value = static_cast<int8_t>(byte(random));
    for (const Kernels* path : available()) {
      EXPECT_EQ(int8_product_of(path->isa)(x.data(), y.data(), n), expected_product(x, y)) << name(path->isa) << n;
    }
    EXPECT_EQ(int8_product(x.data(), y.data(), n), expected_product(x, y));
  }
}

TEST(Int8Rows, LargestValuesDoNotOverflow) {
  for (const size_t n : {1, 15, 16, 17, 31, 32, 33, 384, 4096, 131'000}) {
    const std::vector<int8_t> least(n, INT8_MIN), most(n, INT8_MAX);
    for (const Kernels* path : available()) {
      const Int8Product product = int8_product_of(path->isa);
      EXPECT_EQ(product(least.data(), least.data(), n), static_cast<int32_t>(n) * 128 * 128) << name(path->isa);
      EXPECT_EQ(product(least.data(), most.data(), n), -static_cast<int32_t>(n) * 128 * 127) << name(path->isa);
    }
  }
}

}  // namespace
}  // namespace lode::kernels
