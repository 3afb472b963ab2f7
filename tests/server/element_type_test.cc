#include "server/element_type.h"

#include <cmath>
#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::server {
namespace {

using ::testing::ElementsAre;

std::vector<int> elements(const std::vector<float>& vector, ElementType type) {
  std::vector<std::byte> bytes;
  append_elements(bytes, vector, type);
  const bool is_signed = type == ElementType::int8 || type == ElementType::binary;
  std::vector<int> out;
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<uint8_t>(byte);
    out.push_back(is_signed ? static_cast<int8_t>(value) : static_cast<int>(value));
  }
  return out;
}

TEST(ElementType, Int8SpansAllOfAShortVectorAndEightTimesTheUsualComponentOfALongOne) {
  EXPECT_EQ(int8_scale(3), 127);
  EXPECT_EQ(int8_scale(64), 127);
  EXPECT_EQ(int8_scale(4096), 127 * 8);
  EXPECT_THAT(elements({1, -1, 0, 0.5F, 2, -2}, ElementType::int8), ElementsAre(127, -127, 0, 64, 127, -127));
}

TEST(ElementType, HalvesGoToTheEvenNeighbourAsInNumpy) {
  const auto half = [](float n) { return n / 127; };
  EXPECT_THAT(elements({half(0.5F), half(2.5F), half(-0.5F)}, ElementType::int8), ElementsAre(0, 2, 0));
}

TEST(ElementType, Uint8IsInt8Plus128) {
  EXPECT_THAT(elements({1, -1, 0, 0.5F}, ElementType::uint8), ElementsAre(255, 1, 128, 192));
}

TEST(ElementType, BitsAreOneWhereANumberIsPositiveMostSignificantFirst) {
  const std::vector<float> nine{1, -1, 0, -0.0F, 0.25F, -0.25F, 3, 4, 5};
  EXPECT_THAT(elements(nine, ElementType::ubinary), ElementsAre(0b10001011, 0b10000000));
  EXPECT_THAT(elements(nine, ElementType::binary), ElementsAre(0b10001011 - 128, 0));
  EXPECT_THAT(elements({-1}, ElementType::binary), ElementsAre(-128));
}

TEST(ElementType, Int8IsWithinHalfAStepOfEveryNumberInItsRange) {
  EXPECT_TRUE(rc::check("x is about q / s", [] {
    const auto n = *rc::gen::inRange<size_t>(1, 2000);
    const double scale = int8_scale(n);
    std::vector<float> vector;
    for (size_t i = 0; i < n; ++i) {
      vector.push_back(static_cast<float>(*rc::gen::inRange(-1000, 1000) * 0.127 / scale));
    }
    const std::vector<int> quantized = elements(vector, ElementType::int8);
    for (size_t i = 0; i < n; ++i) RC_ASSERT(std::abs(quantized[i] - vector[i] * scale) <= 0.5 + 1e-4);
  }));
}

TEST(TruncatedDims, AreTheFirstNumbersAsAUnitVector) {
  std::vector<float> vectors{3, 4, 12, 0, -2, 7, 0, 0, 1};
  truncate_dims(vectors, 3, 2);
  EXPECT_THAT(vectors, ElementsAre(0.6F, 0.8F, 0, -1, 0, 0));
}

}  // namespace
}  // namespace lode::server
