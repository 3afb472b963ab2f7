#include "base/json.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace lode::json {
namespace {

Document parsed(std::string_view text) {
  auto document = Document::parse(text, "test");
  EXPECT_TRUE(document.has_value()) << text << ": " << (document ? "" : document.error().line());
  return document ? std::move(*document) : Document();
}

std::string message_of(std::string_view text, std::string_view what = "config.json") {
  const auto document = Document::parse(text, what);
  if (document) return "accepted";
  EXPECT_EQ(document.error().code, Code::invalid_argument);
  return document.error().message;
}

TEST(Json, ReadsEveryKind) {
  const Document document = parsed(R"({"n":null,"b":true,"i":-7,"d":2.5,"s":"a\u00e9","a":[1,2],"o":{"k":0}})");
  const Value root = document.root();
  EXPECT_EQ(root.kind(), Kind::object);
  EXPECT_EQ(root.size(), 7u);
  EXPECT_EQ(root.find("n")->kind(), Kind::null);
  EXPECT_EQ(root.find("b")->as_bool(), true);
  EXPECT_EQ(root.find("i")->as_int(), -7);
  EXPECT_EQ(root.find("d")->as_double(), 2.5);
  EXPECT_EQ(root.find("s")->as_string(), "a\u00e9");
  EXPECT_EQ(root.find("a")->items().size(), 2u);
  EXPECT_EQ(root.find("a")->items()[1].as_int(), 2);
  EXPECT_EQ(root.find("o")->find("k")->as_int(), 0);
}

TEST(Json, AWrongKindIsEmptyNotAGuess) {
  const Document document = parsed(R"({"i":3,"s":"3","d":3.0})");
  const Value root = document.root();
  EXPECT_FALSE(root.find("s")->as_int());
  EXPECT_FALSE(root.find("s")->as_double());
  EXPECT_FALSE(root.find("d")->as_int());
  EXPECT_FALSE(root.find("i")->as_string());
  EXPECT_FALSE(root.find("i")->as_bool());
  EXPECT_EQ(root.find("i")->as_double(), 3.0);
  EXPECT_TRUE(root.find("i")->members().empty());
  EXPECT_TRUE(root.find("i")->items().empty());
  EXPECT_EQ(root.find("i")->size(), 0u);
  EXPECT_FALSE(root.find("i")->find("x"));
  EXPECT_FALSE(root.find("absent"));
}

TEST(Json, GetTakesNullAsAbsent) {
  const Document document = parsed(R"({"x":null})");
  EXPECT_TRUE(document.root().find("x"));
  EXPECT_FALSE(document.root().get("x"));
}

TEST(Json, TheLastOfRepeatedKeysCounts) {
  const Document document = parsed(R"({"x":1,"y":2,"x":3})");
  EXPECT_EQ(document.root().find("x")->as_int(), 3);
  ASSERT_EQ(document.root().members().size(), 3u);
  EXPECT_EQ(document.root().members()[0].second.as_int(), 1);
}

TEST(Json, IntegersThatDoNotFitAreNumbers) {
  const Document document =
      parsed(R"([9223372036854775807,-9223372036854775808,9223372036854775808,18446744073709551616,)"
             R"(-123456789012345678901234567890,"12345678901234567890123 \" 4",1e2,123456789012345678901.5e-1])");
  const auto items = document.root().items();
  EXPECT_EQ(items[0].as_int(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(items[1].as_int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(items[2].kind(), Kind::number);
  EXPECT_FALSE(items[2].as_int());
  EXPECT_EQ(items[2].as_double(), 9223372036854775808.0);
  EXPECT_EQ(items[3].as_double(), 18446744073709551616.0);
  EXPECT_EQ(items[4].as_double(), -123456789012345678901234567890.0);
  EXPECT_EQ(items[5].as_string(), "12345678901234567890123 \" 4");
  EXPECT_EQ(items[6].as_double(), 100.0);
  EXPECT_EQ(items[7].as_double(), 12345678901234567890.15);
}

TEST(Json, AValueMadeOfNothingReadsAsNull) {
  const Value value;
  EXPECT_EQ(value.kind(), Kind::null);
  EXPECT_FALSE(value.as_int());
  EXPECT_EQ(value.text(), "null");
  EXPECT_EQ(Document().root().kind(), Kind::null);
}

TEST(Json, ValuesOutliveTheMoveOfTheirDocument) {
  Document first = parsed(R"({"a":[1,"two"]})");
  const Value root = first.root();
  const Document second = std::move(first);
  EXPECT_EQ(root.find("a")->items()[1].as_string(), "two");
}

TEST(Json, AnErrorNamesTheSourceTheReasonAndThePlace) {
  EXPECT_EQ(message_of(""), "config.json is not valid JSON: it is empty, at byte 0 of 0");
  EXPECT_NE(message_of(R"({"a": 1,})").find("config.json is not valid JSON"), std::string::npos);
  EXPECT_NE(message_of(R"({"a": 1,})").find("at byte 8 of 9"), std::string::npos) << message_of(R"({"a": 1,})");
  EXPECT_NE(message_of("[\"\xff\"]", "row 3").find("row 3 is not valid JSON: not valid UTF-8"), std::string::npos);
}

TEST(Json, MalformedTextsAreRefused) {
  for (const std::string_view text :
       {" ", "{", "[1,]", "{'a':1}", "nul", "01", "1.", "[1] 2", "\"a", "\"\\x\"", "[\"\t\"]", "\"\\ud800\"", "-", "+1",
        "1e999", "12345678901234567890123x", "1.12345678901234567890123.5", "\xef\xbb\xbf{}"}) {
    EXPECT_NE(message_of(text), "accepted") << text;
  }
}

TEST(Json, DepthIsLimitedWithoutUsingTheStack) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(Document::parse(nested(1000), "x").has_value());
  EXPECT_NE(message_of(nested(100'000)).find("nested deeper than 1024 levels"), std::string::npos);
  EXPECT_NE(message_of(std::string(100'000, '[')), "accepted");
}

TEST(Json, TextIsCompactAndCutBetweenCharacters) {
  const Document document = parsed(R"({ "a" : [ 1 , "é" ] })");
  EXPECT_EQ(document.root().text(), R"({"a":[1,"é"]})");
  EXPECT_EQ(document.root().text(9), R"({"a":[1,")"
                                     "...");
  EXPECT_EQ(document.root().text(10), R"({"a":[1,")"
                                      "...");
}

TEST(Json, QuoteEscapesAndReplacesInvalidUtf8) {
  EXPECT_EQ(quote("a\"b\\c\n\x01"), R"("a\"b\\c\n\u0001")");
  EXPECT_EQ(quote("\xff"), "\"\xef\xbf\xbd\"");
}

TEST(Json, QuotedBytesParseBack) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += static_cast<char>(random() % 128);
    const Document document = parsed(quote(text));
    EXPECT_EQ(document.root().as_string(), text);
  }
}

}  // namespace
}  // namespace lode::json
