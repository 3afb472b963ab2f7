#include "apps/config_file.h"

#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(std::string_view toml) {
  const auto settings = read_config(toml, "lode.toml");
  EXPECT_FALSE(settings) << toml;
  if (settings) return "";
  EXPECT_EQ(settings.error().code, Code::invalid_argument);
  return settings.error().message;
}

TEST(ConfigFile, GivesSettingsInFileOrderWithTheirLines) {
  const auto settings = read_config("threads = 4\n\n[serve]\nport = 9000\nhost = \"0.0.0.0\"\n[embed]\n", "lode.toml");
  ASSERT_TRUE(settings);
  std::vector<std::string> seen;
  for (const Setting& s : *settings)
    seen.push_back(std::to_string(s.line) + " " + s.table + "." + s.key + "=" + (s.values.empty() ? "" : s.values[0]));
  EXPECT_THAT(seen, ElementsAre("1 .threads=4", "3 serve.=", "4 serve.port=9000", "5 serve.host=0.0.0.0", "6 embed.="));
}

TEST(ConfigFile, GivesValuesAsOneWouldTypeThem) {
  const auto settings = read_config("a = [1, 2.5, \"x y\", true]\nb = false\nc = -3\nd = 0x10\ne = []\n", "lode.toml");
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->size(), 5u);
  EXPECT_THAT((*settings)[0].values, ElementsAre("1", "2.5", "x y", "true"));
  EXPECT_THAT((*settings)[1].values, ElementsAre("false"));
  EXPECT_THAT((*settings)[2].values, ElementsAre("-3"));
  EXPECT_THAT((*settings)[3].values, ElementsAre("16"));
  EXPECT_TRUE((*settings)[4].values.empty());
}

TEST(ConfigFile, NamesFileLineAndKeyOfWhatItRefuses) {
  EXPECT_THAT(refusal("a = 1\n[serve\n"), HasSubstr("lode.toml:2: not TOML"));
  EXPECT_THAT(refusal("a = 1\na = 2\n"), HasSubstr("lode.toml:2: not TOML"));
  EXPECT_THAT(refusal("\nsince = 1979-05-27\n"), HasSubstr("lode.toml:2: the key \"since\" holds a date or time"));
  EXPECT_THAT(refusal("[serve.tls]\ncert = 1\n"), HasSubstr("the key \"tls\" holds a table"));
  EXPECT_THAT(refusal("a = [[1]]\n"), HasSubstr("holds an array of something else"));
}

TEST(ConfigFile, SurvivesAnyText) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const auto settings = read_config(text, "lode.toml");
    if (!settings) RC_ASSERT(settings.error().message.starts_with("lode.toml:"));
  }));
}

}  // namespace
}  // namespace lode::apps
