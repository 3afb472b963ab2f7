#include "base/log.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/json.h"

namespace lode::log {
namespace {

class Log : public ::testing::Test {
 protected:
  void TearDown() override {
    set_json(false);
    set_level(Level::info);
  }
};

TEST_F(Log, WritesOneLineToStderrAndNothingToStdout) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  warn("seen {}\nforged line\x1b[31m", 3);
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_NE(err.find("warning"), std::string::npos) << err;
  EXPECT_NE(err.find("seen 3\\nforged line\\x1b[31m\n"), std::string::npos) << err;
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1);
}

TEST_F(Log, KeepsTheLevelAsked) {
  set_level(Level::warn);
  testing::internal::CaptureStderr();
  debug("one");
  info("two");
  warn("three");
  error("four");
  const std::string err = testing::internal::GetCapturedStderr();
  EXPECT_EQ(err.find("two"), std::string::npos);
  EXPECT_NE(err.find("three"), std::string::npos);
  EXPECT_NE(err.find("four"), std::string::npos);
  set_level(Level::off);
  testing::internal::CaptureStderr();
  error("five");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Log, JsonLinesAreJson) {
  set_json(true);
  testing::internal::CaptureStderr();
  info("text \"{}\" %v\n\xff", "quoted");
  const std::string err = testing::internal::GetCapturedStderr();
  const auto document = json::Document::parse(err, "log line");
  ASSERT_TRUE(document.has_value()) << err;
  EXPECT_EQ(document->root().find("level")->as_string(), "info");
  EXPECT_EQ(document->root().find("message")->as_string(), "text \"quoted\" %v\n\xef\xbf\xbd");
  EXPECT_TRUE(document->root().find("time")->as_string());
}

TEST_F(Log, RecordsCarryTheirFieldsBehindTimeAndLevel) {
  set_json(true);
  EXPECT_TRUE(is_json());
  EXPECT_TRUE(enabled(Level::info));
  EXPECT_FALSE(enabled(Level::debug));
  testing::internal::CaptureStderr();
  record(Level::debug, R"("status":1)");
  record(Level::info, R"("status":200,"route":"/%v\\n")");
  const std::string err = testing::internal::GetCapturedStderr();
  const auto document = json::Document::parse(err, "log line");
  ASSERT_TRUE(document.has_value()) << err;
  EXPECT_EQ(document->root().find("status")->as_int(), 200);
  EXPECT_EQ(document->root().find("route")->as_string(), "/%v\\n");
  EXPECT_EQ(document->root().find("level")->as_string(), "info");
  EXPECT_TRUE(document->root().find("time")->as_string());
}

}  // namespace
}  // namespace lode::log
