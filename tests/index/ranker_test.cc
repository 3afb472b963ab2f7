#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/hybrid_ranker.h"
#include "index/lexical_corpus.h"
#include "index/lexical_features.h"
#include "index/linear_ranker.h"

namespace lode::index {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<std::string_view, 2> kTwo = {"a", "b"};

TEST(LinearRanker, WeighsFeaturesByName) {
  const auto ranker = LinearRanker::parse(R"({"format": 1, "weights": {"b": 0.5, "a": 2}})", "r.json", kTwo);
  ASSERT_TRUE(ranker) << ranker.error().line();
  const std::array<float, 4> rows = {1, 4, 0, 2};
  EXPECT_THAT(ranker->scores(rows), ElementsAre(DoubleEq(4), DoubleEq(1)));
}

TEST(LinearRanker, RefusesWeightsOfAnotherVersion) {
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {R"({"weights": {}})", "format none"},
           {R"({"format": 2, "weights": {}})", "format 2"},
           {R"({"format": 1})", "no object \"weights\""},
           {R"({"format": 1, "weights": {"a": 1}})", "no number for the feature b"},
           {R"({"format": 1, "weights": {"a": 1, "b": "x"}})", "no number for the feature b"},
           {R"({"format": 1, "weights": {"a": 1, "b": 1, "c": 1}})", "weight for c"},
           {"{", "r.json"}}) {
    const auto ranker = LinearRanker::parse(text, "r.json", kTwo);
    ASSERT_FALSE(ranker) << text;
    EXPECT_THAT(ranker.error().line(), HasSubstr(says)) << text;
  }
}

// A tree of Python files in memory and what the built-in ranker puts first.
class Ranked : public ::testing::Test {
 protected:
  std::vector<std::string> first_of(std::string_view query, std::vector<std::pair<std::string, std::string>> files) {
    LexicalCorpus corpus;
    std::vector<std::string> paths;
    std::vector<ContentId> contents;
    for (const auto& [path, text] : files) {
      contents.push_back(corpus.add(path, text));
      paths.push_back(path);
    }
    corpus.finish();
    const FileTree tree(corpus, paths, contents);
    const PathIndex index(tree);
    const FileFeatures features = lexical_features(corpus, tree, index, take_apart(query));
    const std::vector<double> scores = LinearRanker::built_in().scores(features.values);
    std::vector<size_t> order(paths.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t i) { return scores[i]; });
    std::vector<std::string> out;
    for (const size_t i : order) out.push_back(paths[i]);
    return out;
  }
};

TEST_F(Ranked, TheFileThatATracebackEndsInComesFirst) {
  const std::string body = "def run(x):\n    return x\n";
  EXPECT_EQ(first_of("it fails\n\n  File \"/x/pkg/b.py\", line 3, in run\n",
                     {{"pkg/a.py", body}, {"pkg/b.py", body + "# b\n"}, {"pkg/c.py", body + "# c\n"}})
                .front(),
            "pkg/b.py");
}

TEST_F(Ranked, WordsOfAPathAndOfTheTextCount) {
  EXPECT_EQ(
      first_of("session token expires too early", {{"app/session.py", "def check(token):\n    return token.expires\n"},
                                                   {"app/other.py", "def check(value):\n    return value.x\n"}})
          .front(),
      "app/session.py");
}

TEST(HybridRanker, VectorsMoveTheFirstFilesAndNoOther) {
  std::vector<double> lexical(40), cosines(40, kNoCosine);
  for (size_t i = 0; i < lexical.size(); ++i) lexical[i] = -static_cast<double>(i) / 10;
  cosines[0] = 0.1;
  cosines[1] = 0.9;
  cosines[2] = 0.1;
  const std::vector<double> scores = hybrid_scores(lexical, cosines);
  EXPECT_GT(scores[1], scores[0]);
  for (size_t i = 3; i < lexical.size(); ++i) EXPECT_EQ(scores[i], lexical[i]);
  EXPECT_THAT(hybrid_scores(lexical, std::vector<double>(40, kNoCosine)), ::testing::ElementsAreArray(lexical));
  // One that terms put last, vectors first.
  cosines.assign(40, 0.1);
  cosines[39] = 0.9;
  EXPECT_GT(hybrid_scores(lexical, cosines)[39], hybrid_scores(lexical, cosines)[38]);
}

TEST(HybridRanker, AFileIsItsBestChunks) {
  EXPECT_DOUBLE_EQ(file_cosine(std::array<float, 4>{0.5F, -2, 0.25F, 1}), (0.5 + 0.25 + 1) / 3);
  EXPECT_DOUBLE_EQ(file_cosine(std::array<float, 5>{0.5F, 0.25F, 1, 0.75F, -0.5F}), 0.75);
  EXPECT_DOUBLE_EQ(file_cosine(std::array<float, 1>{-2}), kNoCosine);
  EXPECT_DOUBLE_EQ(file_cosine({}), kNoCosine);
}

}  // namespace
}  // namespace lode::index
