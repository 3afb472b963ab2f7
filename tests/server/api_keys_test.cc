#include "server/api_keys.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <rapidcheck.h>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace lode::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string message_of(const Status& status) {
  return status ? "accepted" : status.error().line();
}

TEST(ApiKeys, AFileHoldsNamedAndNamelessKeysCommentsAndBlankLines) {
  ApiKeys keys;
  EXPECT_TRUE(keys.empty());
  ASSERT_TRUE(keys.add_lines("# who\n\n search : abcdefgh \r\nabcdefgi\n\t\nbulk.2:a:b:c:d:e\n", "keys.txt"));
  EXPECT_THAT(keys.names(), ElementsAre("search", "key-2", "bulk.2"));
  EXPECT_EQ(keys.find("abcdefgh"), 0U);
  EXPECT_EQ(keys.find("abcdefgi"), 1U);
  EXPECT_EQ(keys.find("a:b:c:d:e"), 2U);
  for (const char* wrong : {"", "abcdefg", "abcdefghi", "search", "search:abcdefgh", "ABCDEFGH", "# who"}) {
    EXPECT_EQ(keys.find(wrong), std::nullopt) << wrong;
  }
}

TEST(ApiKeys, TextFromTheEnvironmentIsSeparatedByCommasAndJoinsTheFiles) {
  ApiKeys keys;
  ASSERT_TRUE(keys.add_lines("first:12345678", "keys.txt"));
  ASSERT_TRUE(keys.add_list("second:87654321, 11112222,", "LODE_API_KEYS"));
  EXPECT_THAT(keys.names(), ElementsAre("first", "second", "key-3"));
  EXPECT_EQ(keys.find("11112222"), 2U);
}

TEST(ApiKeys, WhatWouldWeakenOrConfuseIsRefusedWithItsLineAndWithoutItsText) {
  const std::string secret = "s3cretsecret";
  const std::pair<std::string, std::string> cases[] = {
      {"", "keys.txt holds no key"},
      {"# only\n\n", "keys.txt holds no key"},
      {"ok:12345678\nshort:s3cret", "keys.txt:2: a key of 6 characters"},
      {"named:", "keys.txt:1: a key of 0 characters"},
      {std::string(257, 'k'), "a key of 257 characters"},
      {secret + " # mine", "keys.txt:1: a key holds white space"},
      {secret + "," + secret, "a key holds white space, a comma"},
      {secret + "\xc3\xa9", "something else than visible ASCII"},
      {secret + std::string(1, '\0'), "something else than visible ASCII"},
      {"two words:" + secret, "the name before the colon"},
      {":" + secret, "the name before the colon"},
      {std::string(65, 'n') + ":" + secret, "the name before the colon"},
      {"a:" + secret + "\na:12345678", "keys.txt:2: the name a is taken"},
      {"a:" + secret + "\nb:" + secret, "keys.txt:2: the same key as that of a"},
      {secret + "\nkey-1:12345678", "the name key-1 is taken"},
  };
  for (const auto& [text, expected] : cases) {
    ApiKeys keys;
    const std::string message = message_of(keys.add_lines(text, "keys.txt"));
    EXPECT_THAT(message, HasSubstr(expected)) << text;
    EXPECT_THAT(message, Not(HasSubstr("s3cret"))) << text;
    EXPECT_TRUE(keys.empty()) << "a source is taken whole or not at all: " << text;
  }
  ApiKeys keys;
  EXPECT_THAT(message_of(keys.add_list("a:12345678,b:s3cret", "LODE_API_KEYS")),
              HasSubstr("key 2 of LODE_API_KEYS: a key of 6"));
}

TEST(ApiKeys, AFileThatOthersCanReadIsTakenWithAWarning) {
  const std::string path = ::testing::TempDir() + "api_keys_test.txt";
  std::ofstream(path) << "app:12345678\n";
  ::chmod(path.c_str(), 0640);
  ApiKeys keys;
  const auto quiet = keys.add_file(path);
  ASSERT_TRUE(quiet) << quiet.error().line();
  EXPECT_EQ(*quiet, "");
  EXPECT_EQ(keys.find("12345678"), 0U);
  for (const mode_t mode : {0644U, 0602U, 0620U}) {
    ::chmod(path.c_str(), mode);
    ApiKeys again;
    const auto warned = again.add_file(path);
    ASSERT_TRUE(warned) << warned.error().line();
    EXPECT_THAT(*warned, HasSubstr("chmod 600"));
  }
  std::filesystem::remove(path);
}

TEST(ApiKeys, AFileThatIsNotThereNotAFileOrEndlessIsAnError) {
  ApiKeys keys;
  EXPECT_EQ(keys.add_file("/nowhere/keys").error().code, Code::io);
  EXPECT_EQ(keys.add_file(::testing::TempDir()).error().code, Code::io);
  EXPECT_EQ(keys.add_file("/dev/zero").error().code, Code::too_large);
  EXPECT_TRUE(keys.empty());
}

TEST(ApiKeys, WhateverAFileHoldsItIsRefusedOrEveryLineOfItIsAKeyThatIsFound) {
  const auto letter = rc::gen::weightedElement<char>({{20, 'a'},
                                                      {20, 'b'},
                                                      {10, 'Z'},
                                                      {10, '7'},
                                                      {5, ':'},
                                                      {5, '\n'},
                                                      {1, '#'},
                                                      {1, ' '},
                                                      {1, ','},
                                                      {1, '\r'},
                                                      {1, '\0'},
                                                      {1, '\x80'}});
  const auto text_gen = rc::gen::container<std::string>(200, letter);
  EXPECT_TRUE(rc::check([&] {
    const std::string text = *text_gen;
    ApiKeys keys;
    if (!keys.add_lines(text, "keys.txt")) {
      RC_ASSERT(keys.empty());
      return;
    }
    const auto names = keys.names();
    RC_ASSERT(std::set<std::string>(names.begin(), names.end()).size() == names.size());
    RC_ASSERT(!keys.find(text + "x"));
  }));
  EXPECT_TRUE(rc::check([] {
    const auto chars = rc::gen::inRange<char>('!', '\x7f');
    const auto secret = rc::gen::map(rc::gen::container<std::string>(12, chars), [](std::string key) {
      std::ranges::replace_if(key, [](char c) { return c == ',' || c == '#' || c == ':'; }, 'x');
      return key;
    });
    const auto secrets = *rc::gen::unique<std::vector<std::string>>(secret);
    RC_PRE(!secrets.empty());
    std::string lines;
    std::string list;
    for (size_t i = 0; i < secrets.size(); ++i) {
      const std::string entry = (i % 2 == 0 ? "name" + std::to_string(i) + ":" : "") + secrets[i];
      lines += entry + "\n";
      list += entry + ",";
    }
    ApiKeys from_lines;
    ApiKeys from_list;
    RC_ASSERT(from_lines.add_lines(lines, "lines").has_value());
    RC_ASSERT(from_list.add_list(list, "list").has_value());
    for (size_t i = 0; i < secrets.size(); ++i) {
      RC_ASSERT(from_lines.find(secrets[i]) == i);
      RC_ASSERT(from_list.find(secrets[i]) == i);
      RC_ASSERT(!from_lines.find(secrets[i].substr(1)));
    }
  }));
}

}  // namespace
}  // namespace lode::server
