#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
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
using ::testing::FloatEq;
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

using Files = std::vector<std::pair<std::string, std::string>>;  // paths and texts

FileFeatures features_of(std::string_view query, const Files& files) {
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
  return lexical_features(corpus, tree, index, take_apart(query));
}

// What the built-in ranker puts first.
std::vector<std::string> first_of(std::string_view query, const Files& files) {
  const std::vector<double> scores = LinearRanker::built_in().scores(features_of(query, files).values);
  std::vector<size_t> order(files.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t i) { return scores[i]; });
  std::vector<std::string> out;
  for (const size_t i : order) out.push_back(files[i].first);
  return out;
}

// One feature of each file.
class Features : public ::testing::Test {
 protected:
  void read(std::string_view query, const Files& files) { values_ = features_of(query, files).values; }
  std::vector<float> of(std::string_view name) {
    const auto names = feature_names();
    const auto feature = static_cast<size_t>(std::ranges::find(names, name) - names.begin());
    EXPECT_LT(feature, names.size()) << name;
    std::vector<float> out;
    for (size_t at = feature; at < values_.size(); at += names.size()) out.push_back(values_[at]);
    return out;
  }

 private:
  std::vector<float> values_;
};

TEST(Ranked, TheFileThatATracebackEndsInComesFirst) {
  const std::string body = "def run(x):\n    return x\n";
  EXPECT_EQ(first_of("it fails\n\n  File \"/x/pkg/b.py\", line 3, in run\n",
                     {{"pkg/a.py", body}, {"pkg/b.py", body + "# b\n"}, {"pkg/c.py", body + "# c\n"}})
                .front(),
            "pkg/b.py");
}

TEST(Ranked, WordsOfAPathAndOfTheTextCount) {
  EXPECT_EQ(
      first_of("session token expires too early", {{"app/session.py", "def check(token):\n    return token.expires\n"},
                                                   {"app/other.py", "def check(value):\n    return value.x\n"}})
          .front(),
      "app/session.py");
}

TEST_F(Features, ANameLivesWhereItStandsMostOften) {
  read("run_all fails", {{"a.py", "def run_all():\n    pass\nrun_all()\nrun_all()\n"},
                         {"b.py", "from a import run_all\nx = 1\n"},
                         {"c.py", "fails = 1\n"}});
  EXPECT_THAT(of("file_names"), ElementsAre(FloatEq(1), FloatEq(1.0F / 3), FloatEq(0)));
}

TEST_F(Features, AFileNameMayBeginLikeAWordOfTheTitle) {
  read("Serialization of dates\n\nThe parser is fine.", {{"app/serializer.py", "x = 1\n"},
                                                         {"app/date_format.py", "x = 2\n"},
                                                         {"app/parser.py", "x = 3\n"},
                                                         {"app/service.py", "x = 4\n"}});
  const std::vector<float> like = of("name_like");
  EXPECT_FLOAT_EQ(like[0], 1) << "the most of all files";
  EXPECT_GT(like[1], 0);
  EXPECT_LT(like[1], like[0]) << "half of its words";
  EXPECT_EQ(like[2], 0) << "no word of the title";
  EXPECT_EQ(like[3], 0) << "\"ser\" is too little";
}

TEST_F(Features, ATracebackMentionsNoFile) {
  const Files files = {{"pkg/a.py", "x = 1\n"}, {"pkg/b.py", "x = 2\n"}};
  read("it fails\n\nb.py is wrong\n\n  File \"/x/pkg/a.py\", line 3, in run\n", files);
  EXPECT_THAT(of("mention"), ElementsAre(0, 1));
  EXPECT_THAT(of("path_name"), ElementsAre(1, 1));
}

TEST_F(Features, AWordThatStandsOftenInTheTitleCountsOnce) {
  read("token token token salt", {{"a.py", "token = 1\n"}, {"b.py", "salt = 1\n"}, {"c.py", "pepper = 1\n"}});
  EXPECT_THAT(of("chunk_all"), ElementsAre(FloatEq(1), FloatEq(1.0F / 3), 0));
  EXPECT_THAT(of("chunk_words_top3"), ElementsAre(FloatEq(1), FloatEq(1), 0));
}

TEST_F(Features, SeveralGoodChunksAreMoreThanOne) {
  const std::string block = "def token():\n    return 'salt'\n" + std::string(400, '#') + "\n\n";
  read("token", {{"a.py", block + block}, {"b.py", block}, {"c.py", "x = 1\n"}});
  const std::vector<float> many = of("chunk_title_many");
  EXPECT_FLOAT_EQ(many[0], 1);
  EXPECT_NEAR(many[1], std::sqrt(0.5), 0.1);
  EXPECT_EQ(many[2], 0);
}

TEST_F(Features, WhatOneFileDefinesSaysMoreThanWhatTwoDefine) {
  read("load_all and save_all", {{"a.py", "def load_all():\n    pass\n"},
                                 {"b.py", "def save_all():\n    pass\n"},
                                 {"c.py", "def save_all():\n    return 1\n"},
                                 {"d.py", "x = 1\n"}});
  const std::vector<float> alone = of("defines_alone");
  EXPECT_FLOAT_EQ(alone[0], 1);
  EXPECT_GT(alone[1], 0);
  EXPECT_LT(alone[1], 0.5F);
  EXPECT_EQ(alone[1], alone[2]);
  EXPECT_EQ(alone[3], 0);
}

TEST_F(Features, FoldersAreWordsOfTheTitleToo) {
  read("handlers break\n\nalso in models",
       {{"handlers/a.py", "handler = 1\n"}, {"models/b.py", "model = 1\n"}, {"views/c.py", "x = 3\n"}});
  EXPECT_THAT(of("dir_title"), ElementsAre(1, 0, 0));
  EXPECT_THAT(of("dir_words"), ElementsAre(1, 1, 0));
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
  EXPECT_DOUBLE_EQ(file_cosine(std::array<float, 6>{0.5F, 0.25F, -0.5F, 1, 0.75F, 0}), 0.5);
  EXPECT_DOUBLE_EQ(file_cosine(std::array<float, 1>{-2}), kNoCosine);
  EXPECT_DOUBLE_EQ(file_cosine({}), kNoCosine);
}

}  // namespace
}  // namespace lode::index
