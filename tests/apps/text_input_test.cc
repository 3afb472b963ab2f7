#include "apps/text_input.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

class TextInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string put(const char* name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }

  // All rows; the error's message ends the list.
  static std::vector<TextRow> rows(TextInputOptions options) {
    std::vector<TextRow> out;
    TextInput input(std::move(options));
    while (true) {
      auto row = input.next();
      if (!row) {
        out.push_back({"error: " + row.error().message, {}, {}, ""});
        return out;
      }
      if (!*row) return out;
      out.push_back(std::move(**row));
    }
  }
  static Texts texts(TextInputOptions options) {
    Texts out;
    for (auto& row : rows(std::move(options))) out.push_back(std::move(row.text));
    return out;
  }

  fs::path folder_;
};

TEST_F(TextInputTest, LinesAreTextsAndEmptyLinesAreEmptyTexts) {
  EXPECT_EQ(texts({.files = {put("a.txt", "one\n\ntwo \r\n\r\nlast")}}), (Texts{"one", "", "two ", "", "last"}));
  EXPECT_EQ(texts({.files = {put("b.txt", "")}}), Texts{});
  EXPECT_EQ(texts({.files = {put("c.txt", "\n")}}), Texts{""});
  EXPECT_EQ(texts({.files = {put("d.txt", "\xEF\xBB\xBFmark\n\xEF\xBB\xBFno\n")}}), (Texts{"mark", "\xEF\xBB\xBFno"}));
  EXPECT_EQ(texts({.files = {put("e.txt", std::string("a\0b\n", 4))}}), Texts{std::string("a\0b", 3)});
}

TEST_F(TextInputTest, ALineMayBeAsLongAsItLikes) {
  const std::string longest(5'000'000, 'x');
  EXPECT_EQ(texts({.files = {put("a.txt", "a\n" + longest + "\nb\n")}}), (Texts{"a", longest, "b"}));
}

TEST_F(TextInputTest, FilesFollowOneAnother) {
  const auto first = put("a.txt", "1\n2"), second = put("b.jsonl", "{\"text\": \"3\"}\n");
  const auto seen = rows({.files = {first, second}});
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].where, first + " line 2");
  EXPECT_EQ(seen[2].where, second + " line 1");
  EXPECT_EQ(seen[2].text, "3");
}

TEST_F(TextInputTest, JsonRowsHaveATextAndMayHaveMore) {
  const auto path = put("a.jsonl",
                        "\xEF\xBB\xBF{\"text\": \"a\\nb\", \"id\": 7, \"instruction\": \"Query: \"}\r\n"
                        "\n"
                        "{\"id\": \"\\u00e9\\\"\", \"text\": \"\", \"instruction\": null}\n"
                        "{\"text\": \"x\", \"id\": 2.5}");
  const auto seen = rows({.files = {path}});
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].text, "a\nb");
  EXPECT_EQ(seen[0].id, "7");
  EXPECT_EQ(seen[0].instruction, "Query: ");
  EXPECT_EQ(seen[1].id, "\"\u00e9\\\"\"");
  EXPECT_EQ(seen[1].text, "");
  EXPECT_EQ(seen[1].instruction, std::nullopt);
  EXPECT_EQ(seen[2].id, "2.5");
  EXPECT_EQ(seen[2].where, path + " line 4");
}

TEST_F(TextInputTest, ALongIdentifierIsNotCut) {
  const std::string id(5000, 'i');
  EXPECT_EQ(rows({.files = {put("a.jsonl", "{\"text\": \"x\", \"id\": \"" + id + "\"}")}})[0].id, "\"" + id + "\"");
}

TEST_F(TextInputTest, AFieldThatIsNamedMakesEveryFileJson) {
  EXPECT_EQ(texts({.files = {put("a.txt", "{\"body\": \"x\", \"text\": \"y\"}\n")}, .text_field = "body"}), Texts{"x"});
}

TEST_F(TextInputTest, AWholeFileIsOneText) {
  const auto first = put("a.txt",
                         "\xEF\xBB\xBF"
                         "a\r\nb\n"),
             second = put("b.jsonl", "");
  const auto seen = rows({.files = {first, second}, .whole_files = true});
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].text, "a\r\nb\n");
  EXPECT_EQ(seen[0].where, first);
  EXPECT_EQ(seen[1].text, "");
}

TEST_F(TextInputTest, WhatIsWrongIsNamedWithItsLine) {
  const auto refusal = [&](std::string_view row) {
    const auto path = put("a.jsonl", "{\"text\": \"good\"}\n" + std::string(row) + "\n");
    const auto seen = rows({.files = {path}});
    EXPECT_EQ(seen.size(), 2u);
    const std::string prefix = "error: " + path + " line 2";
    EXPECT_TRUE(seen.back().text.starts_with(prefix)) << seen.back().text;
    return seen.back().text.substr(std::min(prefix.size(), seen.back().text.size()));
  };
  EXPECT_EQ(refusal("[1]"), " is [1], expected a JSON object");
  EXPECT_EQ(refusal("{\"id\": 1}"), ": no \"text\", expected the text there");
  EXPECT_EQ(refusal("{\"text\": 5}"), ": \"text\" is 5, expected a string");
  EXPECT_EQ(refusal("{\"text\": \"a\", \"id\": {}}"), ": \"id\" is {}, expected a string or a number");
  EXPECT_EQ(refusal("{\"text\": \"a\", \"instruction\": 1}"), ": \"instruction\" is 1, expected a string");
  EXPECT_NE(refusal("{\"text\": \"a\"").find("is not valid JSON"), std::string::npos);
}

TEST_F(TextInputTest, AFileThatCannotBeReadIsNamed) {
  TextInput missing({.files = {(folder_ / "none").string()}});
  const auto row = missing.next();
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().code, Code::not_found);
  EXPECT_EQ(row.error().message, (folder_ / "none").string() + ": No such file or directory");
  for (const bool whole : {false, true}) {
    TextInput folder({.files = {folder_.string()}, .whole_files = whole});
    const auto refused = folder.next();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::io);
    EXPECT_EQ(refused.error().message, folder_.string() + ": Is a directory");
  }
}

}  // namespace
}  // namespace lode::apps
