#include "apps/nearest.h"

#include <algorithm>
#include <rapidcheck.h>
#include <vector>

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

const std::vector<std::string> kCommands{"embed", "score", "serve", "models", "pull", "search"};

TEST(Nearest, FindsSlips) {
  EXPECT_EQ(nearest("emebd", kCommands), "embed");    // swapped
  EXPECT_EQ(nearest("serv", kCommands), "serve");     // left out
  EXPECT_EQ(nearest("pulll", kCommands), "pull");     // doubled
  EXPECT_EQ(nearest("Modles", kCommands), "models");  // and letter case
  EXPECT_EQ(nearest("mod", kCommands), "models");     // unfinished
}

TEST(Nearest, IsSilentAboutTheRest) {
  EXPECT_EQ(nearest("frobnicate", kCommands), "");
  EXPECT_EQ(nearest("x", kCommands), "");
  EXPECT_EQ(nearest("", kCommands), "");
  EXPECT_EQ(nearest("embed", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'e'), kCommands), "");
}

TEST(Nearest, OneChangedLetterInALongNameIsAlwaysFound) {
  EXPECT_TRUE(rc::check([] {
    const std::string name = "--max-batch-tokens";
    const auto at = *rc::gen::inRange<size_t>(0, name.size());
    std::string typed = name;
    typed[at] = *rc::gen::inRange('a', 'z');
    RC_ASSERT(nearest(typed, std::vector<std::string>{"--port", name, "--host"}) == name);
  }));
}

}  // namespace
}  // namespace lode::apps
