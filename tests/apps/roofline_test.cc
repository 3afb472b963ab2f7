#include "apps/roofline.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<BenchRow> measured() {
  return {{"fma peak", "1 thread, avx512", "f32", 220, "GFLOP/s", {}, 0},
          {"fma peak", "2 threads, avx512", "f32", 440, "GFLOP/s", {}, 0},
          {"int8 peak", "2 threads, avx512", "int8", 1800, "GOP/s", {}, 0},
          {"memory read", "2 threads", "f32", 75, "GB/s", {}, 0},
          {"gemm, rows rounded", "128 x 4096 x 4096", "int8", 1500, "GOP/s", 83.0, 0, 200},
          {"gemm", "8 x 4096 x 4096", "f32", 250, "GFLOP/s", 57.0, 0, 3.9},
          {"attention", "256 tokens", "f32", 200, "GFLOP/s", 45.0, 0}};
}

size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Roofline, TakesPeaksOfAllThreadsAndProducts) {
  const Roofline roofline = roofline_of(measured());
  EXPECT_DOUBLE_EQ(roofline.bandwidth, 75);
  ASSERT_EQ(roofline.roofs.size(), 2U);
  EXPECT_EQ(roofline.roofs[0].label, "f32");
  EXPECT_DOUBLE_EQ(roofline.roofs[0].rate, 440);
  ASSERT_EQ(roofline.points.size(), 2U);  // attention has no weights to read
  EXPECT_EQ(roofline.points[0].label, "128");
}

TEST(Roofline, EveryElementIsClosedAndEveryRoofNamed) {
  const auto svg = roofline_svg(roofline_of(measured()));
  ASSERT_TRUE(svg);
  EXPECT_THAT(*svg, HasSubstr("int8 peak 1800"));
  EXPECT_THAT(*svg, HasSubstr("f32 peak 440"));
  EXPECT_THAT(*svg, HasSubstr("memory reads 75 GB/s"));
  EXPECT_THAT(*svg, HasSubstr("gemm, rows rounded int8, 128 x 4096 x 4096: 1500 GOP/s"));
  EXPECT_THAT(*svg, Not(HasSubstr("nan")));
  EXPECT_THAT(*svg, Not(HasSubstr("inf ")));
  for (const std::string element : {"svg", "text", "title", "style"}) {
    EXPECT_EQ(count(*svg, "<" + element), count(*svg, "</" + element + ">")) << element;
  }
  EXPECT_EQ(count(*svg, "<line"), count(*svg, "class=\"slope\"/>") + count(*svg, "class=\"grid\"/>") +
                                      count(*svg, "class=\"axis\"/>") + count(*svg, "class=\"roof s0\"/>") +
                                      count(*svg, "class=\"roof s1\"/>"));
}

TEST(Roofline, EscapesWhatItIsGiven) {
  Roofline roofline = roofline_of(measured());
  roofline.points[0].title = "a < b & \"c\"";
  const auto svg = roofline_svg(roofline);
  ASSERT_TRUE(svg);
  EXPECT_THAT(*svg, HasSubstr("a &lt; b &amp; &quot;c&quot;"));
}

TEST(Roofline, NeedsPeaksMemoryAndProducts) {
  for (const std::string_view missing : {"memory read", "gemm", "peak"}) {
    std::vector<BenchRow> rows = measured();
    std::erase_if(rows, [&](const BenchRow& row) { return row.what.find(missing) != std::string::npos; });
    const auto svg = roofline_svg(roofline_of(rows));
    ASSERT_FALSE(svg) << missing;
    EXPECT_EQ(svg.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace lode::apps
