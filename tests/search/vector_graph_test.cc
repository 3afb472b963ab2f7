// The graph over an index's vectors finds what looking at all of them finds, of whatever part of them is asked for, and
// is left alone where it is not of the file as it is.
#include "search/vector_graph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "search/graph_file.h"
#include "search/vector_scan.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;

constexpr size_t kGraphDims = 384;
constexpr size_t kChunks = 10;  // of a content
constexpr size_t kK = 10;
constexpr std::string_view kGraphModel = "model";
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define LODE_SANITIZED
#endif
#endif

// Rows around centres in few directions, as texts' are, in an index's folder. Content i has the rows from i * kChunks.
class Rows {
 public:
  Rows(size_t n_contents, uint64_t seed) : random_(seed), map_(kLatent * kGraphDims) {
    std::mt19937_64 same(1);  // rows of all seeds lie in the same places
    for (float& x : map_) x = normal_(same);
    centres_.resize(100 * kLatent);
    for (float& x : centres_) x = normal_(same);
    for (size_t i = 0; i < n_contents * kChunks; ++i) add();
  }
  void add() {
    const std::vector<float> row = draw();
    all_.insert(all_.end(), row.begin(), row.end());
  }
  std::vector<float> draw() {
    std::vector<float> latent(kLatent), row(kGraphDims);
    const float* const centre = centres_.data() + (random_() % 100) * kLatent;
    for (size_t j = 0; j < kLatent; ++j) latent[j] = centre[j] + 0.6F * normal_(random_);
    for (float& x : row) x = 0.3F * normal_(random_);
    for (size_t k = 0; k < kLatent; ++k) {
      for (size_t j = 0; j < kGraphDims; ++j) row[j] += latent[k] * map_[k * kGraphDims + j];
    }
    const float norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0F));
    for (float& x : row) x /= norm;
    return row;
  }
  [[nodiscard]] size_t n_contents() const { return all_.size() / kGraphDims / kChunks; }
  [[nodiscard]] std::span<float> row(size_t i) { return std::span(all_).subspan(i * kGraphDims, kGraphDims); }
  [[nodiscard]] static BlockKey block(size_t content) {
    return block_key(content_hash(fmt::format("content {}", content)), "");
  }

  // Those from a content on.
  void append(const fs::path& index, size_t first = 0) {
    auto file = VectorFile::open(index, kGraphModel, kGraphDims);
    ASSERT_TRUE(file);
    for (size_t content = first; content < n_contents(); ++content) {
      std::vector<index::VectorKey> keys;
      for (size_t i = 0; i < kChunks; ++i) keys.push_back({.low = content * kChunks + i});
      ASSERT_TRUE(file->append(block(content), keys,
                               std::span(all_).subspan(content * kChunks * kGraphDims, kChunks * kGraphDims)));
    }
  }
  [[nodiscard]] float cosine(std::span<const float> query, size_t i) const {
    return std::inner_product(query.begin(), query.end(), all_.begin() + static_cast<ptrdiff_t>(i * kGraphDims), 0.0F);
  }
  [[nodiscard]] std::vector<uint32_t> nearest(std::span<const float> query, std::span<const uint8_t> contents) const {
    std::vector<uint32_t> order;
    std::vector<float> cosines;
    for (uint32_t i = 0; i < n_contents() * kChunks; ++i) {
      cosines.push_back(cosine(query, i));
      if (contents.empty() || contents[i / kChunks] != 0) order.push_back(i);
    }
    std::ranges::partial_sort(order, order.begin() + kK,
                              [&](uint32_t a, uint32_t b) { return cosines[a] > cosines[b]; });
    order.resize(kK);
    return order;
  }
  // As it is searched; with the exact vectors.
  VectorScan scan(const fs::path& index, const GraphLimits& limits, bool* has_graph = nullptr) {
    const auto file = std::make_shared<VectorFile>(*VectorFile::open(index, kGraphModel, kGraphDims));
    auto graph = VectorGraph::open(index, kGraphModel, file);
    if (has_graph != nullptr) *has_graph = graph != nullptr;
    std::vector<BlockKey> blocks;
    std::vector<uint32_t> first_chunks;
    for (uint32_t content = 0; content <= n_contents(); ++content) {
      if (content < n_contents()) blocks.push_back(block(content));
      first_chunks.push_back(content * static_cast<uint32_t>(kChunks));
    }
    const auto exact = [this](const index::VectorKey& key, std::span<float> to) {
      std::ranges::copy(row(key.low), to.begin());
      return true;
    };
    return VectorScan::over(blocks, first_chunks, file, exact, std::move(graph), limits);
  }

 private:
  static constexpr size_t kLatent = 24;
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  std::vector<float> map_, centres_, all_;
};

std::vector<uint32_t> best(const std::vector<float>& cosines) {
  std::vector<uint32_t> order(cosines.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::partial_sort(order, order.begin() + kK, [&](uint32_t a, uint32_t b) { return cosines[a] > cosines[b]; });
  order.resize(kK);
  return order;
}

// Of the ten nearest by the exact vectors, how many a scan finds; every query is to be answered by the graph.
double recall(Rows& rows, VectorScan& scan, const VectorScan::Wanted& wanted, int n_queries) {
  size_t n_right = 0;
  for (int i = 0; i < n_queries; ++i) {
    const std::vector<float> query = rows.draw();
    const std::vector<uint32_t> right = rows.nearest(query, wanted.contents);
    const VectorScan::Cosines found = scan.cosines(query, wanted);
    EXPECT_FALSE(found.is_whole);
    for (const uint32_t one : best(found.by_chunk)) {
      n_right += std::ranges::count(right, one) > 0 ? 1 : 0;
      EXPECT_NEAR(found.by_chunk[one], rows.cosine(query, one), 1e-5);  // two orders of 384 sums
    }
  }
  return static_cast<double>(n_right) / static_cast<double>(kK * static_cast<size_t>(n_queries));
}

GraphBuilding building(size_t most_behind = 0) {
  GraphBuilding out;
  out.most_behind = most_behind;
  out.n_threads = 2;
  return out;
}

#if defined(__SANITIZE_ADDRESS__) || defined(LODE_SANITIZED)
constexpr size_t kRows = 4'000;  // there a graph takes ten times as long
#else
constexpr size_t kRows = 20'000;
#endif

// Many rows and their graph, made in two runs, the first of which was broken off.
class VectorGraphTest : public ::testing::Test {
 protected:
  static constexpr GraphLimits kLow{.most_scanned = kRows / 8, .most_behind = 0};

  static void SetUpTestSuite() {
    if (!VectorGraph::is_available()) return;
    folder_ = std::make_unique<test::TemporaryFolder>();
    rows_ = std::make_unique<Rows>(kRows / kChunks, 7);
    rows_->append(folder_->path());
    size_t n_done = 0;
    GraphBuilding first = building();
    first.progress = [&](size_t n, size_t) { n_done = n; };
    first.stopped = [&] { return n_done >= kRows / 5 * 3; };
    const auto stopped = update_vector_graph(folder_->path(), kGraphModel, kGraphDims, first);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, Code::cancelled);
    bool has_graph = false;
    VectorScan half = rows_->scan(folder_->path(), kLow, &has_graph);
    EXPECT_TRUE(has_graph);
    recall_of_half_ = recall(*rows_, half, {.n_nearest = 200}, 50);
    const auto rest = update_vector_graph(folder_->path(), kGraphModel, kGraphDims, building());
    ASSERT_TRUE(rest);
    n_of_rest_ = *rest;
    EXPECT_EQ(n_done + n_of_rest_, kRows);
  }
  static void TearDownTestSuite() {
    rows_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (!VectorGraph::is_available()) GTEST_SKIP() << "built without usearch";
  }
  static fs::path graph_path(const fs::path& index) { return VectorGraph::path_in(index, kGraphModel); }

  static inline std::unique_ptr<test::TemporaryFolder> folder_;
  static inline std::unique_ptr<Rows> rows_;
  static inline double recall_of_half_ = 0;
  static inline size_t n_of_rest_ = 0;
};

TEST_F(VectorGraphTest, FindsTheTenNearestOfMany) {
  VectorScan scan = rows_->scan(folder_->path(), kLow);
  EXPECT_GE(recall(*rows_, scan, {.n_nearest = 200}, 100), 0.99);
}

TEST_F(VectorGraphTest, WhatWasMadeBeforeItWasBrokenOffServesAndIsNotMadeAgain) {
  EXPECT_GE(recall_of_half_, 0.99);
  EXPECT_LE(n_of_rest_, kRows / 5 * 2);
  EXPECT_FALSE(fs::exists(graph_path(folder_->path()).string() + ".new"));
}

TEST_F(VectorGraphTest, FindsTheNearestOfWhatAFilterLeaves) {
  VectorScan scan = rows_->scan(folder_->path(), kLow);
  std::vector<uint8_t> third(rows_->n_contents(), 0);
  for (size_t i = 0; i < third.size(); i += 3) third[i] = 1;
  EXPECT_GE(recall(*rows_, scan, {.n_nearest = 200, .contents = third}, 100), 0.99);
  const std::vector<uint32_t> also = {1, 2};
  const auto found = scan.cosines(rows_->draw(), {.n_nearest = 200, .contents = third, .also = also}).by_chunk;
  for (size_t chunk = 0; chunk < found.size(); ++chunk) {
    if (chunk / kChunks == 1 || chunk / kChunks == 2) {
      EXPECT_GT(found[chunk], VectorScan::kNone);
    } else if (third[chunk / kChunks] == 0) {
      EXPECT_LE(found[chunk], VectorScan::kNone) << chunk;
    }
  }
}

TEST_F(VectorGraphTest, AFilterThatLeavesFewHasThemAllLookedAt) {
  VectorScan scan = rows_->scan(folder_->path(), kLow);
  std::vector<uint8_t> few(rows_->n_contents(), 0);
  for (size_t i = 0; i < kRows / 200; ++i) few[i * 7] = 1;
  const std::vector<float> query = rows_->draw();
  const auto found = scan.cosines(query, {.n_nearest = 200, .contents = few});
  EXPECT_TRUE(found.is_whole);
  EXPECT_EQ(std::ranges::count_if(found.by_chunk, [](float x) { return x > VectorScan::kNone; }), kRows / 20);
  EXPECT_EQ(best(found.by_chunk), rows_->nearest(query, few));
}

TEST_F(VectorGraphTest, EveryChunkOfAFileThatHasOneOfTheNearestIsKnown) {
  VectorScan scan = rows_->scan(folder_->path(), kLow);
  VectorScan all = rows_->scan(folder_->path(), {.most_scanned = SIZE_MAX});
  const std::vector<float> query = rows_->draw();
  const auto some = scan.cosines(query, {.n_nearest = 50}).by_chunk;
  const auto whole = all.cosines(query);
  size_t n_known = 0;
  for (size_t content = 0; content < rows_->n_contents(); ++content) {
    const auto own = std::span(some).subspan(content * kChunks, kChunks);
    const auto n = std::ranges::count_if(own, [](float x) { return x > VectorScan::kNone; });
    EXPECT_TRUE(n == 0 || n == kChunks);
    n_known += static_cast<size_t>(n);
    for (size_t i = 0; n > 0 && i < kChunks; ++i) EXPECT_NEAR(own[i], whole[content * kChunks + i], 0.01);
  }
  EXPECT_LE(n_known, 50 * kChunks);
}

// Of small files that each test has of its own.
class SmallGraphTest : public ::testing::Test {
 protected:
  static constexpr GraphLimits kLow{.most_scanned = 250, .most_behind = 0};
  void SetUp() override {
    if (!VectorGraph::is_available()) GTEST_SKIP() << "built without usearch";
    rows_.append(folder_.path());
    ASSERT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building()), 1000U);
  }
  [[nodiscard]] fs::path path() const { return VectorGraph::path_in(folder_.path(), kGraphModel); }
  [[nodiscard]] std::shared_ptr<const VectorGraph> open() const {
    return VectorGraph::open(folder_.path(), kGraphModel,
                             std::make_shared<VectorFile>(*VectorFile::open(folder_.path(), kGraphModel, kGraphDims)));
  }

  test::TemporaryFolder folder_;
  Rows rows_{100, 3};
};

TEST_F(SmallGraphTest, RowsThatCameSinceAreFoundAndJoinItWhenTheyAreMany) {
  for (size_t i = 0; i < 30 * kChunks; ++i) rows_.add();
  rows_.append(folder_.path(), 100);
  const std::string before = test::read_all(path());
  EXPECT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building(/*most_behind=*/300)), 0U);
  EXPECT_EQ(test::read_all(path()), before);
  VectorScan scan = rows_.scan(folder_.path(), kLow);
  EXPECT_GE(recall(rows_, scan, {.n_nearest = 100}, 50), 0.99);
  EXPECT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building(/*most_behind=*/299)), 300U);
  EXPECT_EQ(open()->n_rows(), 1300U);
  VectorScan extended = rows_.scan(folder_.path(), kLow);
  EXPECT_GE(recall(rows_, extended, {.n_nearest = 100}, 50), 0.99);
}

TEST_F(SmallGraphTest, RowsThatAreReplacedAreNotFoundAnyMore) {
  const std::vector<float> query = rows_.draw();
  const uint32_t nearest = rows_.nearest(query, {}).front();
  const size_t content = nearest / kChunks;
  // The opposite of what it was: now the farthest.
  for (size_t i = content * kChunks; i < (content + 1) * kChunks; ++i) {
    for (float& x : rows_.row(i)) x = -x;
  }
  auto file = VectorFile::open(folder_.path(), kGraphModel, kGraphDims);
  std::vector<index::VectorKey> keys;
  for (size_t i = 0; i < kChunks; ++i) keys.push_back({.low = content * kChunks + i});
  const auto vectors = std::span(rows_.row(content * kChunks).data(), kChunks * kGraphDims);
  ASSERT_TRUE(file->append(Rows::block(content), keys, vectors));
  bool has_graph = false;
  VectorScan scan = rows_.scan(folder_.path(), kLow, &has_graph);
  EXPECT_TRUE(has_graph);
  const auto found = scan.cosines(query, {.n_nearest = 100});
  EXPECT_FALSE(found.is_whole);
  EXPECT_EQ(best(found.by_chunk), rows_.nearest(query, {}));
}

TEST_F(SmallGraphTest, IsNotOfAFileThatWasWrittenAnew) {
  auto file = VectorFile::open(folder_.path(), kGraphModel, kGraphDims);
  ASSERT_TRUE(file->compact([](const BlockKey& key) { return key == Rows::block(0) || key == Rows::block(1); }));
  EXPECT_EQ(open(), nullptr);
  EXPECT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building()), 20U);
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(open()->n_rows(), 20U);
}

TEST_F(SmallGraphTest, OfOtherRowsOfTheSameNumberIsNotTaken) {
  const std::string graph = test::read_all(path());
  test::TemporaryFolder other;
  {
    auto file = VectorFile::open(other.path(), kGraphModel, kGraphDims);
    for (size_t content = 0; content < 100; ++content) {  // two in each other's place
      const size_t which = content == 40 ? 41 : content == 41 ? 40 : content;
      ASSERT_TRUE(file->append(Rows::block(which), std::vector<index::VectorKey>(kChunks),
                               std::span(rows_.row(which * kChunks).data(), kChunks * kGraphDims)));
    }
  }
  std::ofstream(VectorGraph::path_in(other.path(), kGraphModel), std::ios::binary) << graph;
  const auto file = std::make_shared<VectorFile>(*VectorFile::open(other.path(), kGraphModel, kGraphDims));
  EXPECT_EQ(VectorGraph::open(other.path(), kGraphModel, file), nullptr);
}

TEST_F(SmallGraphTest, ADamagedFileIsAsGoodAsNone) {
  const std::string good = test::read_all(path());
  std::mt19937_64 random(5);
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    if (i % 3 == 0) {
      bad.resize(random() % bad.size());
    } else {
      bad[i % 3 == 1 ? random() % 48 : random() % bad.size()] ^= static_cast<char>(1U << random() % 8);
    }
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bad;
    ASSERT_EQ(open(), nullptr) << i;
  }
  bool has_graph = true;
  VectorScan scan = rows_.scan(folder_.path(), kLow, &has_graph);
  EXPECT_FALSE(has_graph);
  const std::vector<float> query = rows_.draw();
  EXPECT_EQ(best(scan.cosines(query, {.n_nearest = 100}).by_chunk), rows_.nearest(query, {}));
  EXPECT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building()), 1000U);
  EXPECT_NE(open(), nullptr);
}

TEST_F(SmallGraphTest, AnyBytesUnderARightCheckValueAreRefusedOrFollowedWithinTheFile) {
  const auto file = GraphFile::open(path());
  ASSERT_TRUE(file);
  const std::string good(file->graph());
  const GraphStamp stamp = file->stamp();
  std::mt19937_64 random(6);
  int n_taken = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string bad = good;
    // Of the header, of the levels, anywhere; small changes and large ones.
    const size_t range = i % 3 == 0 ? 40 : i % 3 == 1 ? 2040 : bad.size();
    for (int change = 0; change < 1 + i % 4; ++change) {
      bad[random() % range] = i % 2 == 0 ? static_cast<char>(random()) : static_cast<char>(random() % 3);
    }
    auto writer = GraphFileWriter::open(path());
    ASSERT_TRUE(writer && writer->append(bad) && writer->finish(stamp));
    const auto graph = open();
    if (graph == nullptr) continue;
    ++n_taken;
    const auto found = graph->nearest(rounded(rows_.draw()), 100, [](uint32_t row) { return row % 2 == 0; });
    for (const uint32_t row : found) ASSERT_TRUE(row < 1000 && row % 2 == 0);
  }
  EXPECT_GT(n_taken, 50);   // a neighbour that is another one
  EXPECT_LT(n_taken, 700);  // sizes, levels, the entry
}

TEST_F(SmallGraphTest, ScalesOfTheVectorsThatAreNoNumbersDoNoHarm) {
  const fs::path vectors = VectorFile::path_in(folder_.path(), kGraphModel);
  std::string bytes = test::read_all(vectors);
  const uint32_t nan = 0x7FC00000, infinite = 0x7F800000;
  constexpr size_t kRow = 20 + kGraphDims;
  for (size_t content = 0; content < 100; ++content) {
    char* const scale = bytes.data() + 32 + content * (40 + kChunks * kRow) + 40 + 16;
    std::memcpy(scale, content % 2 == 0 ? &nan : &infinite, sizeof nan);
  }
  std::ofstream(vectors, std::ios::binary | std::ios::trunc) << bytes;
  bool has_graph = false;
  VectorScan scan = rows_.scan(folder_.path(), kLow, &has_graph);
  EXPECT_TRUE(has_graph);  // it is of these rows, whatever they hold
  fs::remove(path());
  EXPECT_EQ(*update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building()), 1000U);
  VectorScan made = rows_.scan(folder_.path(), kLow);
  for (VectorScan* one : {&scan, &made}) {
    for (const float x : one->cosines(rows_.draw(), {.n_nearest = 100}).by_chunk) EXPECT_FALSE(std::isnan(x));
  }
}

TEST_F(SmallGraphTest, AFullDiskOrAReadOnlyFolderLeavesTheOldOne) {
  for (size_t i = 0; i < 10 * kChunks; ++i) rows_.add();
  rows_.append(folder_.path(), 100);
  const std::string before = test::read_all(path());
  GraphBuilding refused = building();
  refused.locked = [](const std::function<Status()>&) -> Status { return fail(Code::unavailable, "another writer"); };
  EXPECT_EQ(update_vector_graph(folder_.path(), kGraphModel, kGraphDims, refused).error().code, Code::unavailable);
  fs::create_directory(path().string() + ".new");  // where the new one would be written
  std::ofstream(path().string() + ".new/file") << "x";
  EXPECT_FALSE(update_vector_graph(folder_.path(), kGraphModel, kGraphDims, building()));
  EXPECT_EQ(test::read_all(path()), before);
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(open()->n_rows(), 1000U);
}

}  // namespace
}  // namespace lode::search
