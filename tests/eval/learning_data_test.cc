// Reading the data of classification and clustering: every layout is read, what is wrong is named with its line.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "eval/clustering_data.h"
#include "eval/labelled_texts.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LearningDataTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& bytes) const { return folder_.write("rows.jsonl", bytes); }
  // "" for what is read.
  std::string refusal_of_labelled(const std::string& bytes) const {
    const auto data = read_labelled_texts(write(bytes));
    return data ? "" : data.error().line();
  }
  std::string refusal_of_groups(const std::string& bytes) const {
    const auto data = read_text_groups(write(bytes));
    return data ? "" : data.error().line();
  }

  test::TemporaryFolder folder_;
};

TEST_F(LearningDataTest, LabelsAreWordsOrWholeNumbers) {
  const auto data = read_labelled_texts(write(R"({"text": "a", "label": 10, "label_text": "ten"}
{"text": "b", "label": "2"}
{"text": "c", "label_text": "-1"}
)"));
  ASSERT_TRUE(data) << data.error().line();
  EXPECT_THAT(data->texts, ElementsAre("a", "b", "c"));
  EXPECT_THAT(data->labels, ElementsAre("10", "2", "-1"));
}

TEST_F(LearningDataTest, NumbersAreOrderedByValueAndWordsByTheirBytes) {
  const LabelOrder numbers(std::vector<std::string>{"10", "2", "-1", "2"});
  EXPECT_THAT(numbers.labels(), ElementsAre("-1", "2", "10"));
  EXPECT_THAT(numbers.places(std::vector<std::string>{"2", "10", "3"}), ElementsAre(1, 2, -1));
  const LabelOrder words(std::vector<std::string>{"10", "2", "b", "B", "é"});
  EXPECT_THAT(words.labels(), ElementsAre("10", "2", "B", "b", "é"));
}

TEST_F(LearningDataTest, WrongRowsOfLabelledTextsAreNamed) {
  EXPECT_THAT(refusal_of_labelled("{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}"),
              HasSubstr("rows.jsonl:2: \"label\" is missing"));
  EXPECT_THAT(refusal_of_labelled("{\"text\": \"a\", \"label\": 1.5}"), HasSubstr("a string or a whole number"));
  EXPECT_THAT(refusal_of_labelled("{\"text\": 7, \"label\": 1}"), HasSubstr("\"text\" is 7"));
  EXPECT_THAT(refusal_of_labelled("\n\n"), HasSubstr("no rows"));
}

TEST_F(LearningDataTest, ARowIsASetOrAText) {
  const auto sets = read_text_groups(write(R"({"sentences": ["a", "b"], "labels": ["x", "y"]}
{"sentences": ["b", "c", "a"], "labels": [1, 2, 3]}
)"));
  ASSERT_TRUE(sets) << sets.error().line();
  ASSERT_EQ(sets->size(), 2U);
  EXPECT_THAT((*sets)[1].texts, ElementsAre("b", "c", "a"));
  EXPECT_THAT((*sets)[1].labels, ElementsAre(ElementsAre("1"), ElementsAre("2"), ElementsAre("3")));
  const TextGroups all = joined(*sets);
  EXPECT_THAT(all.texts, ElementsAre("a", "b", "c"));
  EXPECT_THAT(all.labels, ElementsAre(ElementsAre("x"), ElementsAre("y"), ElementsAre("2")));
  EXPECT_EQ(joined(*sets, 2).texts.size(), 2U);

  const auto flat = read_text_groups(write(R"({"text": "a", "label": 3}
{"sentences": "b", "labels": ["x", "y"]}
)"));
  ASSERT_TRUE(flat) << flat.error().line();
  ASSERT_EQ(flat->size(), 1U);
  EXPECT_THAT(flat->front().texts, ElementsAre("a", "b"));
  EXPECT_THAT(flat->front().labels, ElementsAre(ElementsAre("3"), ElementsAre("x", "y")));
}

TEST_F(LearningDataTest, WrongRowsOfGroupsAreNamed) {
  EXPECT_THAT(refusal_of_groups(R"({"sentences": ["a", "b"], "labels": ["x"]})"),
              HasSubstr("rows.jsonl:1: 1 labels for 2 sentences"));
  EXPECT_THAT(refusal_of_groups(R"({"sentences": ["a", 1], "labels": ["x", "y"]})"), HasSubstr("a list of strings"));
  EXPECT_THAT(refusal_of_groups(R"({"text": "a", "label": {"x": 1}})"), HasSubstr("a list of them"));
  EXPECT_THAT(refusal_of_groups(R"({"text": "a", "label": []})"), HasSubstr("a label or more"));
  EXPECT_THAT(refusal_of_groups(R"({"text": "a"})"), HasSubstr("\"label\" is missing"));
  EXPECT_THAT(refusal_of_groups("{\"text\": \"a\", \"label\": 1}\n{\"sentences\": [\"a\"], \"labels\": [1]}"),
              HasSubstr("rows that are sets and rows that are texts"));
  EXPECT_THAT(refusal_of_groups(""), HasSubstr("no rows"));
}

}  // namespace
}  // namespace lode::eval
