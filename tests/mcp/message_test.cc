// The message layer: what is answered to whatever comes, without an index behind it.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mcp/cursor.h"
#include "mcp/lines.h"
#include "mcp/protocol.h"
#include "mcp/tools.h"
#include "search/library.h"

namespace lode::mcp {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

class Messages : public ::testing::Test {
 protected:
  std::optional<std::string> raw(std::string_view text) { return protocol_.answer(text); }
  Json ask(std::string_view text) {
    const auto answer = raw(text);
    EXPECT_TRUE(answer.has_value()) << text;
    return answer ? Json::parse(*answer) : Json();
  }
  void expect_error(std::string_view text, int code, const Json& id) {
    const Json answer = ask(text);
    EXPECT_EQ(answer["jsonrpc"], "2.0");
    EXPECT_EQ(answer["error"]["code"], code) << answer.dump();
    EXPECT_TRUE(answer["error"]["message"].is_string());
    EXPECT_EQ(answer["id"], id) << answer.dump();
    EXPECT_FALSE(answer.contains("result"));
  }

  search::Library library_{std::chrono::milliseconds(0)};
  Tools tools_{library_};
  Protocol protocol_{tools_, "9.9"};
};

TEST_F(Messages, TextThatIsNoJsonIsAParseErrorWithoutAnId) {
  expect_error("{\"jsonrpc\":\"2.0\",", -32700, nullptr);
  expect_error("hello", -32700, nullptr);
  expect_error("\xff\xfe", -32700, nullptr);
  expect_error(std::string(5000, '['), -32700, nullptr);
}

TEST_F(Messages, JsonThatIsNoMessageIsAnInvalidRequestWithTheIdThatCanBeRead) {
  expect_error("7", -32600, nullptr);
  expect_error("{}", -32600, nullptr);
  expect_error(R"({"jsonrpc":"1.0","id":4,"method":"ping"})", -32600, 4);
  expect_error(R"({"id":"a","method":"ping"})", -32600, "a");
  expect_error(R"({"jsonrpc":"2.0","id":4})", -32600, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":5})", -32600, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"ping","params":3})", -32600, 4);
  expect_error(R"({"jsonrpc":"2.0","id":null,"method":"ping"})", -32600, nullptr);
  expect_error(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", -32600, nullptr);
  expect_error(R"({"jsonrpc":"2.0","id":{},"method":"ping"})", -32600, nullptr);
}

TEST_F(Messages, AMethodThatIsNotThereIsToldByItsName) {
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"resources/list"})", -32601, 4);
  EXPECT_THAT(ask(R"({"jsonrpc":"2.0","id":4,"method":"nonsense"})").dump(), HasSubstr("nonsense"));
}

TEST_F(Messages, ToolsThatAreNotThereAndCallsWithoutANameAreInvalidParams) {
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"rm"}})", -32602, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{}})", -32602, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":["search"]})", -32602, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"tools/call"})", -32602, 4);
  expect_error(R"({"jsonrpc":"2.0","id":4,"method":"tools/list","params":{"cursor":"x"}})", -32602, 4);
}

TEST_F(Messages, NothingIsSaidToNotificationsAndAnswers) {
  EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), std::nullopt);
  EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})"), std::nullopt);
  EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"unheard/of"})"), std::nullopt);
  EXPECT_EQ(raw(R"({"jsonrpc":"2.0","id":3,"result":{}})"), std::nullopt);
}

TEST_F(Messages, InitializeAnswersTheVersionThatIsAskedForIfItIsKnownAndTheNewestElse) {
  const auto version = [&](const std::string& asked) {
    return ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" + asked +
               R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})")["result"]["protocolVersion"];
  };
  for (const char* known : {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}) EXPECT_EQ(version(known), known);
  EXPECT_EQ(version("1999-01-01"), "2025-11-25");
  const Json bare = ask(R"({"jsonrpc":"2.0","id":"i","method":"initialize"})");
  EXPECT_EQ(bare["result"]["protocolVersion"], "2025-11-25");
  EXPECT_EQ(bare["result"]["serverInfo"]["name"], "lodestone");
  EXPECT_EQ(bare["result"]["serverInfo"]["version"], "9.9");
  EXPECT_TRUE(bare["result"]["capabilities"]["tools"].is_object());
  EXPECT_EQ(bare["id"], "i");
}

TEST_F(Messages, APingGetsAnEmptyResult) {
  EXPECT_EQ(*raw(R"({"jsonrpc":"2.0","id":"p","method":"ping"})"), R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_EQ(ask(R"({"jsonrpc":"2.0","id":9007199254740993,"method":"ping"})")["id"], 9007199254740993);
}

TEST_F(Messages, ABatchIsAnsweredAsOneWithoutItsNotifications) {
  const Json answers = ask(
      R"([{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7,{"jsonrpc":"2.0","id":2,"method":"y"}])");
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[0]["id"], 1);
  EXPECT_EQ(answers[1]["error"]["code"], -32600);
  EXPECT_EQ(answers[2]["error"]["code"], -32601);
  EXPECT_EQ(raw(R"([{"jsonrpc":"2.0","method":"x"}])"), std::nullopt);
  expect_error("[]", -32600, nullptr);
}

TEST_F(Messages, EveryToolHasADescriptionAndSchemasOfObjects) {
  const Json tools = ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})")["result"]["tools"];
  std::string names;
  for (const Json& tool : tools) {
    names += tool["name"].get<std::string>() + " ";
    EXPECT_GT(tool["description"].get<std::string>().size(), 40U);
    EXPECT_LT(tool["description"].get<std::string>().size(), 400U);
    EXPECT_EQ(tool["inputSchema"]["type"], "object");
    EXPECT_TRUE(tool["inputSchema"]["properties"].is_object());
    EXPECT_EQ(tool["inputSchema"]["additionalProperties"], false);
    EXPECT_EQ(tool["outputSchema"]["type"], "object");
    for (const Json& required : tool["inputSchema"]["required"]) {
      EXPECT_TRUE(tool["inputSchema"]["properties"].contains(required.get<std::string>()));
    }
  }
  EXPECT_EQ(names, "search read_lines symbols similar status ");
}

TEST_F(Messages, WrongArgumentsAreToldToTheModel) {
  const auto refusal = [&](const std::string& tool, const std::string& arguments) -> std::string {
    const Json result = ask(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" + tool +
                            R"(","arguments":)" + arguments + "}}")["result"];
    EXPECT_EQ(result["isError"], true) << arguments;
    return result["content"][0]["text"];
  };
  EXPECT_THAT(refusal("search", "{}"), HasSubstr("query is missing"));
  EXPECT_THAT(refusal("search", "3"), HasSubstr("arguments should be an object"));
  EXPECT_THAT(refusal("search", R"({"query":3})"), HasSubstr("query should be a string"));
  EXPECT_THAT(refusal("search", R"({"query":"x","mode":"fuzzy"})"), HasSubstr("mode \"fuzzy\""));
  EXPECT_THAT(refusal("search", R"({"query":"x","limit":0})"), HasSubstr("from 1 to 100"));
  EXPECT_THAT(refusal("search", R"({"query":"x","limit":2.5})"), HasSubstr("whole number"));
  EXPECT_THAT(refusal("search", R"({"query":"x","lang":"klingon"})"), HasSubstr("klingon"));
  EXPECT_THAT(refusal("search", R"({"query":"x","kind":["function","verb"]})"), HasSubstr("verb"));
  EXPECT_THAT(refusal("search", R"({"query":"x","path":[1]})"), HasSubstr("list of strings"));
  EXPECT_THAT(refusal("search", R"({"query":"x","cursor":"junk"})"), HasSubstr("cursor"));
  EXPECT_THAT(refusal("search", R"({"query":"x","max_tokens":5})"), HasSubstr("max_tokens"));
  EXPECT_THAT(refusal("search", R"({"query":"x","pth":"y"})"), HasSubstr("no argument \"pth\""));
  EXPECT_THAT(refusal("symbols", "{}"), HasSubstr("a path or a name"));
  EXPECT_THAT(refusal("symbols", R"({"path":"a","name":"b"})"), HasSubstr("one of them"));
  EXPECT_THAT(refusal("similar", R"({"path":"a"})"), HasSubstr("line is missing"));
  EXPECT_THAT(refusal("read_lines", R"({"path":"a","start":9,"end":3})"), HasSubstr("before start"));
  EXPECT_THAT(refusal("status", R"({"x":1})"), HasSubstr("no argument"));
}

TEST(Cursor, LeadsBackToItsOffsetForItsQuestionOnly) {
  EXPECT_EQ(*offset_of(cursor_of(30, "a question"), "a question"), 30U);
  EXPECT_FALSE(offset_of(cursor_of(30, "a question"), "another").has_value());
  const std::vector<std::string> bad_ones = {
      "", "-", "x-1", "30", cursor_of(30, "q") + "0000000000", cursor_of(30, "q") + "x"};
  for (const std::string& bad : bad_ones) {
    EXPECT_FALSE(offset_of(bad, "q").has_value()) << bad;
  }
}

TEST(Lines, AreWholeHoweverTheyCome) {
  Lines lines(10);
  lines.add("ab");
  EXPECT_FALSE(lines.next().has_value());
  lines.add("c\r\nd\n\ne");
  EXPECT_EQ(lines.next()->text, "abc");
  EXPECT_EQ(lines.next()->text, "d");
  EXPECT_EQ(lines.next()->text, "");
  EXPECT_FALSE(lines.next().has_value());
  EXPECT_EQ(lines.rest().text, "e");
}

TEST(Lines, ThatAreTooLongAreToldOnceAndTheNextOneIsRead) {
  Lines lines(10);
  for (int i = 0; i < 5; ++i) {
    lines.add("0123456789");
    EXPECT_FALSE(lines.next().has_value());
  }
  lines.add("x\nshort\n01234567890123\n");
  EXPECT_TRUE(lines.next()->too_long);
  EXPECT_EQ(lines.next()->text, "short");
  EXPECT_TRUE(lines.next()->too_long);
  EXPECT_FALSE(lines.next().has_value());
}

}  // namespace
}  // namespace lode::mcp
