#include "kernels/cpu.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace lode::kernels {
namespace {

class SelectPath : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* set = std::getenv("LODE_ISA");
    if (set != nullptr) before_ = set;
  }
  void TearDown() override {
    if (before_.empty()) {
      unsetenv("LODE_ISA");
    } else {
      setenv("LODE_ISA", before_.c_str(), 1);
    }
  }
  std::string before_;
};

TEST_F(SelectPath, TheWidestByDefault) {
  unsetenv("LODE_ISA");
  EXPECT_EQ(*select(), available().back());
  EXPECT_EQ(available().front()->isa, Isa::portable);
}

TEST_F(SelectPath, EveryPathByName) {
  for (const Kernels* path : available()) {
    setenv("LODE_ISA", std::string(name(path->isa)).c_str(), 1);
    EXPECT_EQ(*select(), path);
  }
  setenv("LODE_ISA", "scalar", 1);
  EXPECT_EQ((*select())->isa, Isa::portable);
}

TEST_F(SelectPath, AnUnknownNameIsRefusedWithTheOnesThereAre) {
  setenv("LODE_ISA", "sse9", 1);
  const auto path = select();
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Code::invalid_argument);
  EXPECT_NE(path.error().line().find("sse9"), std::string::npos);
  EXPECT_NE(path.error().line().find("portable"), std::string::npos);
}

}  // namespace
}  // namespace lode::kernels
