// Ranking files by vectors, over made-up trees and an encoder that counts words.
#include "eval/dense_files.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "kernels/cpu.h"

namespace lode::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;

const std::vector<std::string> kWords = {"apple", "pear", "plum", "fig"};

// How often each word stands in a text, to unit length; the last dimension is 1 for every text.
class WordCounter final : public Encoder {
 public:
  [[nodiscard]] int64_t dims() const override { return std::ssize(kWords) + 1; }
  [[nodiscard]] Result<std::string> applied(const Prompt& prompt) const override { return std::string(prompt.task); }
  Status encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) override {
    for (size_t i = 0; i < texts.size(); ++i) {
      if (prompt.side == embed::InputType::passage) seen.push_back(texts[i]);
      if (prompt.side == embed::InputType::query) instruction = prompt.task;
      std::vector<float> row;
      for (const std::string& word : kWords) {
        float n = 0;
        for (size_t at = texts[i].find(word); at != std::string::npos; at = texts[i].find(word, at + 1)) ++n;
        row.push_back(n);
      }
      row.push_back(1);
      normalise(row);
      LODE_TRY(on_vector({.text = i, .vector = row}));
    }
    return {};
  }
  std::vector<std::string> seen;
  std::string instruction;
};

class DenseFilesTest : public ::testing::Test {
 protected:
  // A tree of these files, for one issue.
  void add_tree(const std::string& id, const std::string& statement, const std::map<std::string, std::string>& files) {
    std::string changes;
    for (const auto& [path, _] : last_) changes += "-\t" + path + "\n";
    for (const auto& [path, bytes] : files) {
      const auto [blob, is_new] = blobs_.try_emplace(bytes, blobs_.size());
      if (is_new) {
        index_ += "B\t" + std::to_string(blob->second) + "\t" + std::to_string(bytes_.size()) + "\t" +
                  std::to_string(bytes.size()) + "\tsha\n";
        bytes_ += bytes;
      }
      changes += "+\t" + path + "\t" + std::to_string(blob->second) + "\n";
    }
    trees_ += "I\t" + id + "\tc\t" + std::to_string(files.size()) + "\n" + changes;
    last_ = files;
    issues_.push_back({id, "o/n", "c", statement, "a.py"});
  }
  Result<std::vector<ScoredFiles>> score(const FileSettings& files,
                                         const std::vector<std::vector<uint32_t>>& wanted = {}) {
    folder_.write("corpus/o__n.index.tsv.xz", index_ + trees_);
    folder_.write("corpus/o__n.blobs.xz", bytes_);
    Evaluation evaluation{.encoder = &encoder_, .context = &context_, .settings = {}, .on_progress = on_progress_};
    evaluation.settings.files = files;
    return score_files_by_vectors({.packed = folder_.path() / "corpus", .clones = {}}, issues_, wanted,
                                  {.instruction = "Find the file."}, evaluation);
  }
  // What the encoder gives of two texts.
  double cosine(const std::string& query, const std::string& text) {
    WordCounter counter;
    const auto rows = *counter.encode(std::vector<std::string>{query, text}, {}, {});
    double sum = 0;
    for (size_t i = 0; i < rows.size() / 2; ++i) sum += double{rows[i]} * double{rows[rows.size() / 2 + i]};
    return sum;
  }

  test::TemporaryFolder folder_;
  ThreadPool pool_{2};
  kernels::Context context_{**kernels::select(), pool_};
  WordCounter encoder_;
  OnProgress on_progress_;
  std::vector<Issue> issues_;
  std::map<std::string, size_t> blobs_;
  std::map<std::string, std::string> last_;
  std::string index_, trees_, bytes_;
};

const FileSettings kSmallChunks = {.chunks = {.max_bytes = 20}, .clones = {}};
// Three chunks of these.
constexpr const char* kThree = "apple pear = 1\n\nplum plum = 2\n\napple apple = 3\n";

TEST_F(DenseFilesTest, AFilesScoreIsItsBestChunksOrTheMeanOfItsBest) {
  add_tree("1", "apple apple", {{"a.py", kThree}, {"empty.py", ""}, {"plum.py", "x = 1\n"}});
  const auto scored = score(kSmallChunks);
  ASSERT_TRUE(scored) << scored.error().line();
  EXPECT_THAT((*scored)[0].paths, ElementsAre("a.py", "empty.py", "plum.py"));
  const double first = cosine("apple apple", "apple pear"), second = cosine("apple apple", "plum plum");
  EXPECT_NEAR((*scored)[0].scores[0], 1, 1e-6);
  EXPECT_NEAR((*scored)[0].scores[1], cosine("apple apple", ""), 1e-6);
  EXPECT_NEAR((*scored)[0].scores[2], cosine("apple apple", "plum"), 1e-6) << "the path stands in front";
  EXPECT_THAT(encoder_.seen, ::testing::Contains("plum.py\nx = 1\n"));
  EXPECT_THAT(encoder_.seen, ::testing::Contains("empty.py\n"));
  FileSettings mean = kSmallChunks;
  mean.n_pooled = 2;
  EXPECT_NEAR((*score(mean))[0].scores[0], (1 + first) / 2, 1e-6);
  mean.n_pooled = 9;
  EXPECT_NEAR((*score(mean))[0].scores[0], (1 + first + second) / 3, 1e-6) << "a file has as many as it has";
  EXPECT_NEAR((*score(mean))[0].scores[2], cosine("apple apple", "plum"), 1e-6);
}

TEST_F(DenseFilesTest, WhatFilesAndCommitsShareIsEmbeddedOnce) {
  const std::string changed = std::string(kThree) + "\nfig = 4 # a new line\n";
  add_tree("1", "apple", {{"a.py", kThree}, {"b.py", kThree}});
  add_tree("2", "fig", {{"a.py", changed}, {"b.py", kThree}});
  const auto scored = score(kSmallChunks);
  ASSERT_TRUE(scored) << scored.error().line();
  EXPECT_EQ(encoder_.instruction, "Find the file.");
  std::vector<std::string> distinct = encoder_.seen;
  std::ranges::sort(distinct);
  EXPECT_EQ(std::ranges::adjacent_find(distinct), distinct.end());
  EXPECT_LE(encoder_.seen.size(), 3U + 3U + 2U);
  EXPECT_GT((*scored)[1].scores[0], (*scored)[1].scores[1]) << "only the changed file speaks of it";
}

TEST_F(DenseFilesTest, OnlyWhatIsWantedIsEmbedded) {
  add_tree("1", "apple pear", {{"a.py", kThree}, {"b.py", "fig = 1\n"}, {"c.py", "pear = 1\n"}});
  const auto some = score(kSmallChunks, {{0, 2}});
  ASSERT_TRUE(some) << some.error().line();
  EXPECT_THAT((*some)[0].scores, ElementsAre(Not(IsNan()), IsNan(), Not(IsNan())));
  EXPECT_THAT(encoder_.seen, Not(::testing::Contains(HasSubstr("fig"))));
  encoder_.seen.clear();
  FileSettings one = kSmallChunks;
  one.n_best_chunks = 1;
  const auto best = score(one);
  ASSERT_TRUE(best) << best.error().line();
  EXPECT_THAT(encoder_.seen, ElementsAre("a.py\napple pear = 1\n\n", "b.py\nfig = 1\n", "c.py\npear = 1\n"));
  EXPECT_NEAR((*best)[0].scores[0], 1, 1e-6);
}

TEST_F(DenseFilesTest, AnInterruptedRunEnds) {
  add_tree("1", "apple", {{"a.py", kThree}});
  std::string seen;
  on_progress_ = [&](std::string_view what, size_t n_done, size_t n_all) {
    seen += std::string(what) + " " + std::to_string(n_done) + "/" + std::to_string(n_all) + "; ";
    return what == "issues";
  };
  const auto scored = score({});
  ASSERT_FALSE(scored);
  EXPECT_EQ(scored.error().code, Code::cancelled);
  EXPECT_EQ(seen, "issues 1/1; chunks of o/n 1/1; ");
}

const ScoredFiles kFiles = {.paths = {"a", "b", "c", "d", "e"}, .scores = {5, 9, 5, 1, 7}};

TEST(FileRanking, ATiedCandidateCountsAsAboveTheRightFile) {
  const auto rank = [](const std::string& gold) {
    return ranked({.id = "i", .repo = "o/n", .base_commit = {}, .statement = {}, .gold = gold}, kFiles, 3);
  };
  EXPECT_EQ(rank("a").rank, 4);
  EXPECT_EQ(rank("c").rank, 4);
  EXPECT_EQ(rank("a").n_tied, 1);
  EXPECT_EQ(rank("e").rank, 2);
  EXPECT_EQ(rank("absent").rank, 0);
  std::string best;
  for (const RankedFile& file : rank("a").best) best += file.path;
  EXPECT_EQ(best, "bea");
}

TEST(FileRanking, OnlyTheFirstOnesAreRankedAnew) {
  const std::vector<uint32_t> top = first_files(kFiles, 3);
  EXPECT_THAT(top, ElementsAre(0, 1, 4));
  const ScoredFiles anew = reordered(kFiles, top, {0.3, -0.2, 0.9});
  EXPECT_THAT(anew.scores, ElementsAre(0.3, -0.2, ::testing::Lt(-1), ::testing::Lt(-1), 0.9));
  EXPECT_GT(anew.scores[2], anew.scores[3]);
  EXPECT_EQ(reordered(kFiles, {}, {}).scores, kFiles.scores);
}

}  // namespace
}  // namespace lode::eval
