// What is like a chunk, by its vector or by its words, and every chunk of a tree for those who carry them away.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "indexed_folder.h"
#include "search/searcher.h"
#include "search/similar_search.h"
#include "search/tree_chunks.h"
#include "search/vector_file.h"
#include "search/vector_scan.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using test::root_of;
using test::TemporaryFolder;
using test::update;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kModel = "model";
constexpr int64_t kDims = 4;

class SimilarTest : public ::testing::Test {
 protected:
  SimilarTest() {
    fs::create_directories(folder());
    write("a.py", "def parse(token):\n    return token.strip()\n");
    write("copy_of_a.py", "def parse(token):\n    return token.strip()\n");
    write("words.py", "def other(token):\n    return token.strip()\n");
    write("meaning.py", "shaven = ends\n");
    write("far.py", "class Unrelated:\n    colour = 'blue'\n");
    write("empty_words.txt", "+ + +\n");
    EXPECT_TRUE(update(folder(), index()).has_value());
  }

  [[nodiscard]] fs::path folder() const { return work_.path() / "tree"; }
  [[nodiscard]] fs::path index() const { return work_.path() / "index"; }
  void write(const char* name, const char* text) { std::ofstream(folder() / name, std::ios::binary) << text; }

  // Vectors for the chunks of these files, each one chunk long; none for the others.
  void open(const std::map<std::string, std::vector<float>>& vectors) {
    auto opened = Searcher::open(index(), root_of(folder()));
    ASSERT_TRUE(opened) << opened.error().line();
    searcher_ = *std::move(opened);
    const auto hashes = *searcher_->reader().content_hashes();
    {
      auto file = *VectorFile::open(index(), kModel, kDims);
      for (const auto& [path, vector] : vectors) {
        const uint32_t place = searcher_->reader().place_of(*searcher_->find(path)->content);
        const index::VectorKey key = index::vector_key("", path);
        ASSERT_TRUE(file.append(block_key(hashes[place], path), std::span(&key, 1), vector));
      }
    }
    auto file = std::make_shared<VectorFile>(*VectorFile::open(index(), kModel, kDims));
    auto scan = VectorScan::open(searcher_->reader(), file, nullptr);
    ASSERT_TRUE(scan);
    searcher_->use_vectors(*std::move(scan),
                           [](const std::string&, const std::stop_token&) -> Result<std::vector<float>> {
                             return fail(Code::internal, "a query was encoded");
                           });
  }

  Result<SearchResult> similar(std::string_view path, uint32_t line, Mode mode = Mode::hybrid) {
    SearchQuery query;
    query.mode = mode;
    return find_similar(*searcher_, path, line, query);
  }

  static std::vector<std::string> paths(const Result<SearchResult>& found) {
    std::vector<std::string> out;
    if (found) {
      for (const Hit& hit : found->hits) out.push_back(hit.path);
    }
    return out;
  }

  TemporaryFolder work_;
  std::unique_ptr<Searcher> searcher_;
};

const std::map<std::string, std::vector<float>> kVectors = {
    {"a.py", {1, 0, 0, 0}}, {"meaning.py", {0.8F, 0.6F, 0, 0}}, {"words.py", {0, 1, 0, 0}}, {"far.py", {-1, 0, 0, 0}}};

TEST_F(SimilarTest, TheChunksOwnVectorRanksAndNoQueryIsEncoded) {
  open(kVectors);
  const auto found = similar("a.py", 2);
  ASSERT_TRUE(found) << found.error().line();
  EXPECT_EQ(found->mode, Mode::dense);
  EXPECT_THAT(paths(found), ElementsAre("copy_of_a.py", "meaning.py", "words.py", "far.py"));
  EXPECT_THAT(found->hits[1].why, Contains("similarity 0.80"));
  EXPECT_THAT(found->hits[3].why, Contains("similarity -1.00"));
}

TEST_F(SimilarTest, WordsRankWhereTheyAreAskedForOrThereIsNoVector) {
  open(kVectors);
  const auto by_words = similar("a.py", 1, Mode::bm25);
  EXPECT_EQ(by_words->mode, Mode::bm25);
  EXPECT_THAT(paths(by_words), ElementsAre("copy_of_a.py", "words.py"));
  const auto without = similar("empty_words.txt", 1);
  EXPECT_EQ(without->mode, Mode::bm25);
  EXPECT_THAT(without->hits, IsEmpty());
  const auto refused = similar("empty_words.txt", 1, Mode::dense);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("no vector"));
}

TEST_F(SimilarTest, AChunkWithoutWordsIsFoundByItsVector) {
  auto vectors = kVectors;
  vectors["empty_words.txt"] = {0, 0.6F, 0.8F, 0};
  open(vectors);
  EXPECT_EQ(paths(similar("empty_words.txt", 1)).front(), "words.py");
}

TEST_F(SimilarTest, OfCopiesNoneIsToldTwiceAndTheFileItselfNever) {
  open(kVectors);
  for (const Mode mode : {Mode::hybrid, Mode::bm25}) {
    const auto found = similar("words.py", 1, mode);
    ASSERT_THAT(found->hits, Not(IsEmpty()));
    EXPECT_THAT(paths(found), Contains("a.py"));
    EXPECT_THAT(paths(found), Not(Contains("copy_of_a.py")));
    EXPECT_THAT(paths(found), Not(Contains("words.py")));
  }
}

TEST_F(SimilarTest, AVectorOfOtherDimensionsIsRefused) {
  open(kVectors);
  SearchQuery query;
  query.mode = Mode::dense;
  query.vector = {1, 0};
  const auto refused = searcher_->search(query);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("2 dimensions"));
}

TEST_F(SimilarTest, AModeThatRankedIsTold) {
  open(kVectors);
  SearchQuery query;
  query.text = "parse";
  query.mode = Mode::lexical;
  EXPECT_EQ(searcher_->search(query)->mode, Mode::lexical);
  searcher_ = *Searcher::open(index(), root_of(folder()));
  query.mode = Mode::hybrid;
  EXPECT_EQ(searcher_->search(query)->mode, Mode::lexical);
}

TEST_F(SimilarTest, EveryChunkOfATreeIsVisitedOnceUnderItsFirstPath) {
  std::string longer = "import os\n\n\nclass Store:\n";
  for (int i = 0; i < 30; ++i) {
    longer += "    def method_" + std::to_string(i) + "(self, key):\n        return self.rows[key][" +
              std::to_string(i) + "]\n\n";
  }
  write("longer.py", longer.c_str());
  ASSERT_TRUE(update(folder(), index()).has_value());
  const auto reader = *IndexReader::open(index(), root_of(folder()));
  std::vector<TreeChunk> chunks;
  const auto all = [](uint32_t, size_t) { return true; };
  ASSERT_TRUE(each_chunk(*reader, all, [&](TreeChunk chunk) -> Status {
    chunks.push_back(std::move(chunk));
    return {};
  }));
  EXPECT_THAT(chunks, SizeIs(reader->n_chunks()));
  std::map<std::string, std::string> texts;
  std::map<std::string, uint32_t> next_line, next_ordinal;
  for (const TreeChunk& chunk : chunks) {
    EXPECT_EQ(chunk.first_line, next_line[chunk.path] + 1);
    EXPECT_EQ(chunk.ordinal, next_ordinal[chunk.path]++);
    next_line[chunk.path] = chunk.last_line;
    texts[chunk.path] += chunk.text;
    EXPECT_THAT(chunk.embedded, StartsWith(chunk.path));
    EXPECT_THAT(chunk.embedded, HasSubstr(chunk.text));
    EXPECT_THAT(chunk.copies, SizeIs(chunk.path == "a.py" ? 1 : 0));
  }
  EXPECT_EQ(texts["longer.py"], longer);
  EXPECT_FALSE(texts.contains("copy_of_a.py"));
  EXPECT_GT(next_ordinal["longer.py"], 1U);
  EXPECT_EQ(chunks.back().path, "words.py");

  size_t n_wanted = 0;
  ASSERT_TRUE(each_chunk(
      *reader, [](uint32_t, size_t n_chunks) { return n_chunks > 1; },
      [&](const TreeChunk& chunk) -> Status {
        EXPECT_EQ(chunk.path, "longer.py");
        ++n_wanted;
        return {};
      }));
  EXPECT_EQ(n_wanted, next_ordinal["longer.py"]);
  const Status stopped = each_chunk(*reader, all, [](const TreeChunk&) { return fail(Code::cancelled, "enough"); });
  EXPECT_EQ(stopped.error().code, Code::cancelled);
}

}  // namespace
}  // namespace lode::search
