// Reading data sets: what is right is read, what is wrong is named with its line.
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "../base/temporary.h"
#include "eval/packed_trees.h"
#include "eval/qrels.h"
#include "eval/retrieval_data.h"
#include "eval/sts.h"
#include "eval/swebench.h"
#include "eval/trec_ids.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DataTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& bytes) const { return folder_.write(name, bytes); }
  // "" for what is read.
  std::string refusal_of_trees(const std::string& index) const {
    const auto trees = PackedTrees::read(write("index", index), folder_.path() / "blobs");
    return trees ? "" : trees.error().line();
  }
  std::string refusal_of_retrieval() const {
    const auto data = read_retrieval_data(folder_.path(), "test");
    return data ? "" : data.error().line();
  }

  test::TemporaryFolder folder_;
};

constexpr const char* kIndex =
    "B\t0\t0\t3\tsha\nB\t1\t3\t2\tsha\n"
    "I\tfirst\tc1\t2\n+\tb.py\t0\n+\ta.py\t1\n"
    "I\tsecond\tc2\t2\n-\tb.py\n+\tc.py\t0\n";

TEST_F(DataTest, TreesAreChangesAgainstTheOneBefore) {
  const auto trees = PackedTrees::read(write("index", kIndex), folder_.path() / "blobs");
  ASSERT_TRUE(trees) << trees.error().line();
  const auto files = [&](size_t tree) {
    std::string out;
    for (const PackedTrees::File& file : trees->trees()[tree].files) {
      out += trees->paths()[file.path] + ":" + std::to_string(file.blob) + " ";
    }
    return out;
  };
  ASSERT_EQ(trees->trees().size(), 2U);
  EXPECT_EQ(files(0), "a.py:1 b.py:0 ");
  EXPECT_EQ(files(1), "a.py:1 c.py:0 ");
  EXPECT_EQ(trees->trees()[1].commit, "c2");

  std::string seen;
  const auto keep = [&](uint32_t blob, std::string_view bytes) {
    seen += std::to_string(blob) + "=" + std::string(bytes) + " ";
  };
  write("blobs", "abcde");
  ASSERT_TRUE(trees->each_blob(keep));
  EXPECT_EQ(seen, "0=abc 1=de ");
  write("blobs", "abcd");
  EXPECT_FALSE(trees->each_blob(keep)) << "a byte is missing";
}

TEST_F(DataTest, ABrokenIndexIsRefusedWithItsLine) {
  EXPECT_EQ(refusal_of_trees(kIndex), "");
  EXPECT_THAT(refusal_of_trees("B\t1\t0\t3\tsha\n"), HasSubstr("index:1:"));
  EXPECT_THAT(refusal_of_trees("B\t0\t7\t3\tsha\n"), HasSubstr("one after the other"));
  EXPECT_THAT(refusal_of_trees("+\ta.py\t0\n"), HasSubstr("before the first instance"));
  EXPECT_THAT(refusal_of_trees("I\tx\tc\t2\n+\ta.py\t0\n"), HasSubstr("1 files, 2 were announced"));
  EXPECT_THAT(refusal_of_trees("I\tx\tc\t0\n-\ta.py\n"), HasSubstr("never there"));
  EXPECT_THAT(refusal_of_trees("I\tx\tc\t1\n+\ta.py\t5\n"), HasSubstr("the blob 5, there are 0"));
  EXPECT_THAT(refusal_of_trees("nonsense\n"), HasSubstr("no line of a packed tree"));
}

TEST_F(DataTest, TitlesStandInFrontAndUnjudgedQueriesGo) {
  write("corpus.jsonl", "{\"_id\": \"1\", \"title\": \"T\", \"text\": \"x\"}\n\n{\"_id\": 2, \"text\": \"y\"}\n");
  write("queries.jsonl", "{\"_id\": \"q\", \"text\": \"a\"}\n{\"_id\": \"r\", \"text\": \"b\"}\n");
  write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t2\t3\n");
  const auto data = read_retrieval_data(folder_.path(), "test");
  ASSERT_TRUE(data) << data.error().line();
  ASSERT_EQ(data->corpus.size(), 2U);
  EXPECT_EQ(data->corpus[0].whole(), "T x");
  EXPECT_EQ(data->corpus[1].whole(), "y");
  EXPECT_EQ(data->corpus[1].id, "2");
  ASSERT_EQ(data->queries.size(), 1U);
  EXPECT_EQ(data->queries[0].judged, (std::vector<std::pair<std::string, int32_t>>{{"2", 3}}));
}

TEST_F(DataTest, WhatIsIncompleteIsNamed) {
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("corpus.jsonl and queries.jsonl and qrels/test.tsv"));
  write("corpus.jsonl", "{\"id\": \"1\", \"text\": \"x\"}\n{\"id\": \"1\", \"text\": \"y\"}\n");
  write("test.jsonl", "{\"id\": \"q\", \"query\": \"a\", \"positive_ids\": [\"1\"]}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("corpus.jsonl:2: the id 1 stands twice"));
  write("corpus.jsonl", "{\"id\": \"1\", \"text\": 7}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("\"text\" is 7, a string was expected"));
  write("corpus.jsonl", "{\"id\": \"1\"}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("\"text\" is missing"));
  write("corpus.jsonl", "[1]\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("an object was expected"));
  write("corpus.jsonl", "{\"id\": \"1\", \"text\": \"x\"}\n");
  EXPECT_EQ(refusal_of_retrieval(), "");
  write("test.jsonl", "{\"id\": \"q\", \"query\": \"a\", \"positive_ids\": [\"9\"]}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("relevant document 9, which the corpus lacks"));
  write("test.jsonl", "{\"id\": \"q\", \"query\": \"a\", \"positive_ids\": []}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("no judged query"));
  write("test.jsonl", "{\"id\": \"q\", \"query\": \"a\", \"positive_ids\": \"1\"}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("test.jsonl:1: \"positive_ids\" is \"1\", a list of ids was expected"));
  write("test.jsonl",
        "{\"id\": 1, \"query\": \"a\", \"positive_id\": 1}\n{\"id\": \"1\", \"query\": \"b\", \"positive_id\": 1}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("test.jsonl:2: the query 1 stands twice"));
  write("test.jsonl", "{\"id\": \"q\", \"query\": \"a\", \"positive_ids\": [\"1\", 1]}\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("the query q has two judgements of 1"));
  write("test.jsonl", "\n \r\n");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("test.jsonl has no rows"));
  write("corpus.jsonl", "");
  EXPECT_THAT(refusal_of_retrieval(), HasSubstr("corpus.jsonl has no rows"));
  const auto elsewhere = read_retrieval_data(folder_.path() / "corpus.jsonl", "test");
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().line(), HasSubstr("no folder"));
}

TEST_F(DataTest, JudgementsAreCheckedLineByLine) {
  write("corpus.jsonl", "{\"_id\": \"d 1\", \"text\": \"x\"}\n{\"_id\": \"d2\", \"text\": \"y\"}\n");
  write("queries.jsonl", "{\"_id\": \"q\", \"text\": \"a\"}\n");
  const auto refusal = [&](const std::string& qrels) {
    write("qrels/test.tsv", qrels);
    return refusal_of_retrieval();
  };
  EXPECT_EQ(refusal("\xef\xbb\xbfquery-id\tcorpus-id\tscore\r\nq\td 1\t1\r\n\r\nq\td2\t0\r\n"), "")
      << "as Windows has it";
  EXPECT_EQ(refusal("q 0 d2 1\n"), "") << "as TREC has it";
  EXPECT_THAT(refusal("h\nq\td2\tvery\n"),
              HasSubstr("test.tsv:2: \"query-id corpus-id score\" was expected, not \"q d2 very\""));
  EXPECT_THAT(refusal("q\td2\t0.5\n"), HasSubstr("test.tsv:1:")) << "no header";
  EXPECT_THAT(refusal("h\nq\t1\n"), HasSubstr("not \"q 1\""));
  EXPECT_THAT(refusal("h\np\td2\t1\n"), HasSubstr("test.tsv judges for the query p, which queries.jsonl lacks"));
  EXPECT_THAT(refusal("h\nq\td2\t1\nq\td2\t0\n"), HasSubstr("two judgements of d2"));
  EXPECT_THAT(refusal("query-id\tcorpus-id\tscore\n"), HasSubstr("test.tsv has no judgements"));
  EXPECT_THAT(refusal(""), HasSubstr("test.tsv has no judgements"));
}

TEST_F(DataTest, AByteOrderMarkAndWindowsLinesAreNoFault) {
  const auto pairs = read_scored_pairs(write("sts.jsonl",
                                             "\xef\xbb\xbf{\"s1\": \"a\", \"s2\": \"b\", \"score\": 1}\r\n{\"s1\": "
                                             "\"c\", \"s2\": \"d\", \"score\": 2.5}\r\n"));
  ASSERT_TRUE(pairs) << pairs.error().line();
  EXPECT_EQ(pairs->at(1).score, 2.5);
  const auto one = read_scored_pairs(write("sts.jsonl", "{\"s1\": \"a\", \"s2\": \"b\", \"score\": 1}"));
  ASSERT_FALSE(one);
  EXPECT_THAT(one.error().line(), HasSubstr("has 1 pairs, 2 or more"));
  const auto folder = read_scored_pairs(folder_.path());
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().line(), HasSubstr("directory"));
}

TEST_F(DataTest, JudgementsAreReadInEachForm) {
  const std::vector<std::pair<std::string, int32_t>> expected = {{"a", 2}, {"b", 0}};
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"beir.tsv", "query-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t0\n"},
           {"trec", "q 0 a 2\r\n\nq 0 b 0\r\n"},
           {"reals.tsv", "q\ta\t2.0\nq\tb\t0.0\n"},
           {"mteb.jsonl",
            "{\"query-id\": \"q\", \"corpus-id\": \"a\", \"score\": 2}\n"
            "{\"query-id\": \"q\", \"corpus-id\": \"b\", \"score\": 0.0}\n"},
           {"coir.jsonl",
            "{\"query_id\": \"q\", \"corpus_id\": \"a\", \"score\": 2}\n"
            "{\"query_id\": \"q\", \"corpus_id\": \"b\", \"score\": 0}\n"}}) {
    const auto qrels = read_qrels(write(name, text));
    ASSERT_TRUE(qrels) << name << ": " << qrels.error().line();
    EXPECT_EQ(qrels->at("q"), expected) << name;
  }
  const auto refusal = [&](const std::string& name, const std::string& text) {
    const auto qrels = read_qrels(write(name, text));
    return qrels ? "" : qrels.error().line();
  };
  EXPECT_THAT(refusal("two", "q a 1\nq a\n"), HasSubstr("two:2:"));
  EXPECT_THAT(refusal("half", "q a 1\nq b 0.5\n"), HasSubstr("half:2:"));
  EXPECT_THAT(refusal("huge", "q a 1\nq b 99999999999\n"), HasSubstr("huge:2:"));
  EXPECT_THAT(refusal("half.jsonl", "{\"query-id\": \"q\", \"corpus-id\": \"a\", \"score\": 0.5}\n"),
              HasSubstr("half.jsonl:1: \"score\" is 0.5"));
  EXPECT_THAT(refusal("none.jsonl", "{\"query-id\": \"q\", \"score\": 1}\n"), HasSubstr("\"corpus-id\" is missing"));
}

TEST_F(DataTest, ARunIsOrderedByItsScoresAndNotByItsRanks) {
  const auto run =
      read_trec_run(write("run", "q Q0 a 1 0.5 tag\nq Q0 b 2 0.5 tag\nr Q0 x 1 -1e-3 tag\nq Q0 c 3 7 tag\n"));
  ASSERT_TRUE(run) << run.error().line();
  EXPECT_EQ(run->tag, "tag");
  std::string order;
  for (const Retrieved& hit : run->rankings.at("q")) order += hit.document;
  EXPECT_EQ(order, "cba") << "equal scores: the greater id first";
  EXPECT_FALSE(read_trec_run(write("run", "q Q0 a 1 0.5\n")));
  EXPECT_FALSE(read_trec_run(write("run", "q Q0 a 1 0.5 t t\n")));
  EXPECT_FALSE(read_trec_run(write("run", "q Q0 a 1 0.5 t\nq Q0 a 2 0.4 t\n")));
  EXPECT_FALSE(read_trec_run(folder_.path() / "absent"));
}

// Checked against pytrec_eval: what differs as double and not as float is a tie.
TEST_F(DataTest, ScoresOfARunAreNumbersOfAnySize) {
  const auto order = [&](const std::vector<std::string>& scores) {
    std::string text;
    for (size_t i = 0; i < scores.size(); ++i) {
      text += fmt::format("q Q0 {} 1 {} t\n", static_cast<char>('a' + static_cast<int>(i)), scores[i]);
    }
    const auto run = read_trec_run(write("run", text));
    if (!run) return run.error().line();
    std::string out;
    for (const Retrieved& hit : run->rankings.at("q")) out += hit.document;
    return out;
  };
  EXPECT_EQ(order({"1", "+1.5", "1.25e0", ".5", "-1"}), "bcade");
  EXPECT_EQ(order({"1e-50", "-1e-46", "0", "1e-9"}), "dcba");
  EXPECT_EQ(order({"1e50", "1e51", "2", "inf", "1e38", "-1e50", "-2"}), "dbaecgf");
  EXPECT_EQ(order({"1e400", "-1e400", "1e-400", "-1", "1e4999"}), "eacdb");
  EXPECT_EQ(order({"1.0000000001", "1"}), "ba");
  for (const std::string text : {"nan", "+-1", "+", "1x", "1e", "--1"}) {
    EXPECT_THAT(order({"1", text}), HasSubstr("run:2: the score \"" + text + "\" is no number"));
  }
  EXPECT_THAT(read_trec_run(write("run", "q Q0 a b 1 0.5 t t\n")).error().line(), HasSubstr("not 8 fields"));
}

TEST(TrecIds, AreFieldsAndReadBack) {
  for (const auto& [id, written] : std::vector<std::pair<std::string, std::string>>{{"a", "a"},
                                                                                    {"a b", "a%20b"},
                                                                                    {"a\tb\n", "a%09b%0A"},
                                                                                    {"100% a", "100%25%20a"},
                                                                                    {"100%", "100%"},
                                                                                    {"%C3%A9", "%C3%A9"},
                                                                                    {"a%20b", "a%2520b"},
                                                                                    {"a%25", "a%2525"},
                                                                                    {"a%20%zz", "a%20%zz"},
                                                                                    {"%2", "%2"},
                                                                                    {"\xc3\xa9 ", "\xc3\xa9%20"}}) {
    EXPECT_EQ(trec_id(id), written);
    EXPECT_EQ(id_of_trec(written), id);
  }
  EXPECT_EQ(id_of_trec("a%0ab"), "a\nb");
}

RC_GTEST_PROP(TrecIds, AnyIsAFieldOfItsOwn, ()) {
  const auto any = rc::gen::container<std::string>(rc::gen::element('%', '2', '0', '5', ' ', 'a', '\t'));
  const std::string id = *any;
  RC_ASSERT(id_of_trec(trec_id(id)) == id);
  RC_ASSERT(trec_id(id).find_first_of(" \t") == std::string::npos);
}

TEST_F(DataTest, IdsWithSpacesAreFoundInARun) {
  const auto read = [&] {
    return *read_trec_run(write("run", "q%201 Q0 a%20b 1 0.5 t\nq%201 Q0 a%2520c 2 0.5 t\nr%20 Q0 a%20b 1 1 t\n"));
  };
  const auto documents = [](const std::vector<Retrieved>& hits) {
    std::string out;
    for (const Retrieved& hit : hits) out += hit.document + ";";
    return out;
  };
  const std::vector<Query> queries = {{"q 1", "", {{"a b", 1}}}, {"r%20", "", {{"a%20b", 1}}}, {"s", "", {}}};
  const auto run = run_of(queries, read(), "run");
  ASSERT_TRUE(run) << run.error().line();
  EXPECT_EQ(documents((*run)[0]), "a%20c;a b;") << "equal scores: by the ids themselves";
  EXPECT_EQ(documents((*run)[1]), "a%20b;") << "somebody's run, whose ids are judged as they stand";
  EXPECT_EQ(documents((*run)[2]), "");
}

TEST_F(DataTest, APatchNamesTheFile) {
  const std::string row = R"({"instance_id": "i", "repo": "a/b", "problem_statement": "s", "patch": ")";
  const auto one =
      read_issues(write("one.jsonl", row + R"(--- a/x/y.py\n+++ b/x/y.py\n@@ -1 +1 @@\n--- a comment\n"})"));
  ASSERT_TRUE(one) << one.error().line();
  EXPECT_EQ(one->at(0).gold, "x/y.py");
  const auto two = read_issues(write("two.jsonl", row + R"(--- a/x.py\n--- a/y.py\n"})"));
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().line(), HasSubstr("changes 2 files"));
  const std::string whole = row + R"(--- a/x.py\n"})" + "\n";
  const auto twice = read_issues(write("twice.jsonl", whole + whole));
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().line(), HasSubstr("twice.jsonl:2: the issue i stands twice"));
  const auto elsewhere = read_issues(write("else.jsonl", R"({"instance_id": "i", "repo": "a/../b", )"
                                                         R"("problem_statement": "s", "patch": "--- a/x.py\n"})"));
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().line(), HasSubstr("OWNER/NAME was expected"));
}

TEST(Candidates, ArePythonFilesWithoutATestWordInTheirPath) {
  for (const char* path : {"a.py", "contest.py", "src/latest/x.py", "tester/a-test-b.py"}) {
    EXPECT_TRUE(is_candidate(path)) << path;
  }
  for (const char* path :
       {"a.pyx", "py", "tests/a.py", "a/Test/b.py", "x_test.py", "testing.py", "my test.py", "a.test.py"}) {
    EXPECT_FALSE(is_candidate(path)) << path;
  }
}

}  // namespace
}  // namespace lode::eval
