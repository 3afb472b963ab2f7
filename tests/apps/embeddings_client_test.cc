#include "apps/embeddings_client.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EmbeddingsClient, FindsTheEmbeddingsOfAnAddress) {
  EXPECT_EQ(embeddings_url("http://h:8080"), "http://h:8080/v1/embeddings");
  EXPECT_EQ(embeddings_url("http://h:8080/"), "http://h:8080/v1/embeddings");
  EXPECT_EQ(embeddings_url("https://h/v1/"), "https://h/v1/embeddings");
  EXPECT_EQ(embeddings_url("https://h/openai/v1"), "https://h/openai/v1/embeddings");
  EXPECT_EQ(embeddings_url("https://h/v1/embeddings"), "https://h/v1/embeddings");
}

TEST(EmbeddingsClient, AsksForWhatTheServerTakes) {
  const std::vector<std::string> texts{"a \"b\"\n", "\xff"};
  EXPECT_EQ(embeddings_body({.texts = texts, .side = embed::InputType::query, .task = "Find"}, {}, "m"),
            "{\"model\":\"m\",\"input\":[\"a \\\"b\\\"\\n\",\"\xef\xbf\xbd\"],\"encoding_format\":\"base64\","
            R"("input_type":"query","truncate":"END","task":"Find"})");
  EXPECT_EQ(embeddings_body({.texts = texts, .side = embed::InputType::query, .task = {}},
                            {.input_type = false, .truncate = false, .base64 = false}, "m"),
            "{\"model\":\"m\",\"input\":[\"a \\\"b\\\"\\n\",\"\xef\xbf\xbd\"],\"encoding_format\":\"float\"}");
}

TEST(EmbeddingsClient, ReadsListsAndBase64InAnyOrder) {
  const auto answer = parse_embeddings(
      R"({"data":[{"index":1,"embedding":[0.5,-2]},{"index":0,"embedding":"AACAPwAAAEA="}],"object":"list"})", 2);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->n_dims, 2U);
  EXPECT_THAT(answer->vectors, ElementsAre(1, 2, 0.5, -2));
  EXPECT_THAT(parse_embeddings(R"({"data":[{"embedding":[1]},{"embedding":[2]}]})", 2)->vectors, ElementsAre(1, 2));
}

TEST(EmbeddingsClient, RefusesAnswersThatAreNone) {
  const auto row = [](const std::string& embedding) {
    return R"({"data":[{"index":0,"embedding":)" + embedding + "}]}";
  };
  const std::vector<std::pair<std::string, std::string>> wrong{{"<html>", "the answer"},
                                                               {"[]", "no list \"data\""},
                                                               {R"({"data":{}})", "no list \"data\""},
                                                               {R"({"data":[]})", "0 vectors for 1"},
                                                               {R"({"data":[{}]})", "without \"embedding\""},
                                                               {R"({"data":[{"index":1,"embedding":[1]}]})", "index 1"},
                                                               {R"({"data":[{"index":"x","embedding":[1]}]})", "index"},
                                                               {row("[]"), "empty"},
                                                               {row("[null]"), "expected numbers"},
                                                               {row("[1e39]"), "not finite"},
                                                               {row("{}"), "expected a list or base64"},
                                                               {row("\"AAAA\""), "no base64 of floats"},
                                                               {row("\"AAAAAA\""), "no base64 of floats"},
                                                               {row("\"AA=AAAA=\""), "no base64 of floats"},
                                                               {row("\"AACA/w==\""), "not finite"}};
  for (const auto& [body, says] : wrong) {
    const auto answer = parse_embeddings(body, 1);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, Code::corrupt);
    EXPECT_THAT(answer.error().message, HasSubstr(says)) << body;
  }
  EXPECT_FALSE(parse_embeddings(R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})", 2));
  EXPECT_FALSE(parse_embeddings(R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", 2));
}

}  // namespace
}  // namespace lode::apps
