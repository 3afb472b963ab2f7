#include "apps/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using testing::HasSubstr;

TEST(Child, GivesWhatItPrintedAndHowItEnded) {
  const auto child = run_child({"sh", "-c", "cat; echo one; echo two >&2; echo >&2; exit 3"});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->output, "one\n");  // and cat found nothing to read
  EXPECT_EQ(child->message, "two");
  EXPECT_EQ(child->exit_code, 3);
}

TEST(Child, MayPrintMoreThanAPipeHolds) {
  const auto child = run_child({"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->output.size(), 300000U);
  EXPECT_EQ(child->exit_code, 0);
}

TEST(Child, SaysWhichSignalEndedIt) {
  const auto child = run_child({"sh", "-c", "kill -9 $$"});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->exit_code, 137);
}

TEST(Child, ThatIsNotThereIsAnError) {
  const auto child = run_child({"/nowhere/llama-bench"});
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().message, HasSubstr("/nowhere/llama-bench"));
}

}  // namespace
}  // namespace lode::apps
