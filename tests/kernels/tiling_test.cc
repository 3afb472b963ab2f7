// What the tiles of every product share.
#include "kernels/tiling.h"

#include <vector>

#include <gtest/gtest.h>

namespace lode::kernels {
namespace {

TEST(PanelBias, IsTheBiasItselfOrOneWithZerosBehindIt) {
  const std::vector<float> bias = {1, 2, 3, 4, 5, 6};
  PanelBias of;
  of.take(bias.data(), 0, 4, 4);
  EXPECT_EQ(of.values(), bias.data());
  of.take(bias.data(), 4, 2, 4);
  EXPECT_EQ(std::vector<float>(of.values(), of.values() + 4), (std::vector<float>{5, 6, 0, 0}));
  PanelBias none;
  none.take(nullptr, 4, 2, 4);
  EXPECT_EQ(std::vector<float>(none.values(), none.values() + 4), std::vector<float>(4));
}

}  // namespace
}  // namespace lode::kernels
