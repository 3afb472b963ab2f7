// The traps that other ports of Mistral's tokenizer fell into, and every golden row.
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "published_tokenizers.h"

namespace lode::text {
namespace {

using Ids = std::vector<TokenId>;

struct Row {
  std::string text;
  Ids ids;  // with BOS
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {"", {1}},
      {"</s>", {1, 2}},
      {"</s></s>", {1, 2, 2}},
      {"Hello world", {1, 22557, 1526}},
      {"Hello world</s>", {1, 22557, 1526, 2}},
      {" ", {1, 259}},
      {"  a", {1, 259, 264}},
      {"a  b   c", {1, 264, 28705, 287, 259, 277}},
      {"Hello</s>there", {1, 22557, 2, 736}},
      {"Hello </s> there", {1, 22557, 28705, 2, 28705, 736}},
      {"<s>Hello", {1, 1, 22557}},
      {"def add(a, b):\n    return a + b\n",
       {1, 801, 967, 28732, 28708, 28725, 287, 1329, 13, 2287, 604, 264, 648, 287, 13}},
      {"\t\tx", {1, 28705, 12, 12, 28744}},
      {"tab\there", {1, 7683, 12, 7750}},
      {"\r\n", {1, 1302, 13}},
      {"12345", {1, 28705, 28740, 28750, 28770, 28781, 28782}},
      {"3.14", {1, 28705, 28770, 28723, 28740, 28781}},
      {"x=10", {1, 1318, 28746, 28740, 28734}},
      {"na\u00EFve caf\u00E9", {1, 1879, 28920, 333, 28345}},
      {"\u6771\u4EAC", {1, 28705, 30366, 29936}},
      {"\U0001F642", {1, 28705, 29340}},
      {"\U0010FFFF", {1, 28705, 247, 146, 194, 194}},
      {"\uFFFD", {1, 28705, 29137}},
      {"\u00A0", {1, 28705, 29000}},
      {"e\u0301", {1, 317, 28949}},
      {"\uFB01", {1, 28705, 30160}},
      {"Instruct: Retrieve code or text based on user query.\nQuery: how to sort a list</s>",
       {1,    560,   1356, 28747, 8337,  12891, 2696, 442,  2245, 2818, 356, 2188,
        5709, 28723, 13,   3294,  28747, 910,   298,  3127, 264,  1274, 2}},
      {"Instruct: Retrieve code or text based on user query.\nQuery:how to sort",
       {1,   560,  1356, 28747, 8337, 12891, 2696,  442,  2245, 2818,
        356, 2188, 5709, 28723, 13,   3294,  28747, 5845, 298,  3127}},
  };
  return rows;
}

TEST(MistralGolden, TheTableOfTrapsFromTokenizerJson) {
  LODE_NEED_MISTRAL();
  for (const auto& [text, ids] : table()) {
    EXPECT_EQ(encode_with_template(*testing::mistral().from_json, text), ids) << text;
  }
}

TEST(MistralGolden, TheTableOfTrapsFromTokenizerModelAlone) {
  LODE_NEED_MISTRAL();
  for (const auto& [text, ids] : table()) {
    EXPECT_EQ(encode_with_template(*testing::mistral().from_model, text), ids) << text;
  }
}

TEST(MistralGolden, RunsOfSpacesAreCutGreedilyIntoSixteens) {
  LODE_NEED_MISTRAL();
  const Tokenizer& tokenizer = *testing::mistral().from_json;
  const auto marks = [&](int n) {
    std::string piece;
    for (int i = 0; i < n; ++i) piece += "\u2581";
    return *tokenizer.id_of(piece);
  };
  EXPECT_EQ(encode_with_template(tokenizer, std::string(15, ' ')), (Ids{1, marks(16)}));
  EXPECT_EQ(encode_with_template(tokenizer, std::string(16, ' ')), (Ids{1, marks(16), marks(1)}));
  EXPECT_EQ(encode_with_template(tokenizer, std::string(24, ' ')), (Ids{1, marks(16), marks(9)}));
}

TEST(MistralGolden, EveryRow) {
  LODE_NEED_MISTRAL();
  std::ifstream file(testing::shared_folder() / "golden/tokenizer/mistral_ids.jsonl");
  int n_rows = 0;
  for (std::string line; std::getline(file, line); ++n_rows) {
    const auto document = json::Document::parse(line, "mistral_ids.jsonl");
    ASSERT_TRUE(document.has_value());
    Ids ids;
    for (const auto& value : document->root().find("ids")->items())
      ids.push_back(static_cast<TokenId>(*value.as_int()));
    const auto text = *document->root().find("text")->as_string();
    ASSERT_EQ(encode_with_template(*testing::mistral().from_json, text), ids) << text;
    ASSERT_EQ(encode_with_template(*testing::mistral().from_model, text), ids) << text;
  }
  EXPECT_EQ(n_rows, 2373);
}

TEST(MistralGolden, KnowsItsPiecesAndItself) {
  LODE_NEED_MISTRAL();
  for (const auto* tokenizer : {testing::mistral().from_json.get(), testing::mistral().from_model.get()}) {
    EXPECT_EQ(tokenizer->vocab_size(), 32000);
    EXPECT_EQ(tokenizer->description(), "BPE, byte fallback");
    EXPECT_EQ(tokenizer->id_of("</s>"), 2);
    EXPECT_EQ(tokenizer->piece_of(22557), "\u2581Hello");
    EXPECT_TRUE(tokenizer->template_suffix().empty());
  }
}

}  // namespace
}  // namespace lode::text
