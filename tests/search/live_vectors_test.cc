// The vectors of an index that follows its folder: made behind it, used by searches meanwhile, kept whatever ends it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "index/code_terms.h"
#include "index/word_break.h"
#include "indexed_folder.h"
#include "search/live_index.h"
#include "search/vector_file.h"
#include "search/vector_graph.h"

namespace lode::search {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kDims = 32;

// Texts of the same words have the same vector. Chunks beyond `n_allowed` wait until they are told to go.
class FakeModel final : public VectorModel {
 public:
  explicit FakeModel(const std::string& name = "fake", size_t n_allowed = SIZE_MAX) : n_allowed_(n_allowed) {
    card_ = {.name = name, .identity = name, .chunk_prompt = "", .n_dims = kDims};
  }
  [[nodiscard]] bool is_loaded() const override { return is_loaded_; }
  Result<const VectorModelCard*> card() override {
    is_loaded_ = true;
    return &card_;
  }
  Result<std::vector<float>> encode_query(const std::string& query, const std::stop_token&) override {
    const std::scoped_lock lock(mutex_);
    queries_.push_back(query);
    return vector_of(query);
  }
  // Those encoded since the last call.
  std::vector<std::string> take_queries() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(queries_, {});
  }
  Result<std::vector<float>> encode_chunks(std::span<const std::string> texts, const std::stop_token& gone) override {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, gone, [&] { return n_encoded + texts.size() <= n_allowed_; })) {
      return fail(Code::cancelled, "gone");
    }
    n_encoded += texts.size();
    std::vector<float> out;
    for (const std::string& text : texts) {
      const std::vector<float> one = vector_of(text);
      out.insert(out.end(), one.begin(), one.end());
    }
    return out;
  }
  KeptVectors* kept() override { return nullptr; }

  void let_go() {
    const std::scoped_lock lock(mutex_);
    n_allowed_ = SIZE_MAX;
    changed_.notify_all();
  }

  std::atomic<size_t> n_encoded = 0;

 private:
  static std::vector<float> vector_of(std::string_view text) {
    std::vector<float> out(kDims, 0.01F);
    std::vector<std::string> terms;
    index::WordReader words(text);
    for (std::string_view word = words.next(); !word.empty(); word = words.next()) index::code_terms(word, terms);
    for (const std::string& term : terms) out[std::hash<std::string>{}(term) % kDims] += 1;
    float sum = 0;
    for (const float x : out) sum += x * x;
    for (float& x : out) x /= std::sqrt(sum);
    return out;
  }

  VectorModelCard card_;
  std::atomic<bool> is_loaded_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  size_t n_allowed_;
  std::vector<std::string> queries_;
};

class LiveVectorsTest : public ::testing::Test {
 protected:
  LiveVectorsTest() {
    for (int i = 0; i < 60; ++i) {
      const std::string n = std::to_string(i);
      folder_.write("top/f" + n + ".py", "def number_" + n + "(value_" + n + "):\n    return value_" + n + "\n");
    }
    folder_.write("top/bread.py", "def bake(flour, water):\n    return oven(flour + water)\n");
  }
  LiveIndexOptions options(FakeModel& model, bool fills = true) {
    LiveIndexOptions out{.index = folder_.path() / "index", .root = test::root_of(folder_.path() / "top")};
    out.max_age = 0ms;
    out.vectors = &model;
    out.fill_vectors = fills;
    return out;
  }
  static bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 1200; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(25ms);
    }
    return false;
  }
  static bool is_filled(const LiveIndex& live) {
    const auto state = live.state();
    return !state.is_indexing && !state.is_filling;
  }
  static Result<SearchResult> search(LiveIndex& live, const std::string& text, Mode mode) {
    LODE_ASSIGN(auto lease, live.searcher());
    LODE_TRY(live.need_vectors(lease));
    SearchQuery query;
    query.text = text;
    query.mode = mode;
    return lease->search(query);
  }

  test::TemporaryFolder folder_;
};

TEST_F(LiveVectorsTest, AreFilledBehindTheIndexAndSearchesSayHowManyThereAre) {
  FakeModel model("fake", /*n_allowed=*/32);
  LiveIndex live(options(model));
  live.refresh(30s);
  // The first batch is there, the second waits: what has vectors is ranked by them, all is found by its terms.
  ASSERT_TRUE(soon([&] { return live.state().n_vectors == 32U; }));
  EXPECT_TRUE(live.state().is_filling);
  ASSERT_TRUE(soon([&] {
    const auto found = search(live, "bake flour", Mode::hybrid);
    return found && found->n_vectors == 32U;
  }));
  const auto half = search(live, "value", Mode::dense);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->n_found, 32U);
  EXPECT_EQ(search(live, "bake flour", Mode::lexical)->n_vectors, std::nullopt);
  model.let_go();
  ASSERT_TRUE(soon([&] { return is_filled(live); }));
  EXPECT_EQ(live.state().n_vectors, 61U);
  const auto found = search(live, "flour water oven bake", Mode::dense);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->n_vectors, 61U);
  EXPECT_EQ(found->hits.front().path, "bread.py");
}

TEST_F(LiveVectorsTest, AChangedFileAloneIsEncodedAgain) {
  FakeModel model;
  LiveIndex live(options(model));
  live.refresh(30s);
  ASSERT_TRUE(soon([&] { return is_filled(live); }));
  ASSERT_EQ(model.n_encoded, 61U);
  folder_.write("top/bread.py", "def knead(dough):\n    return dough.rest()\n");
  live.refresh(30s);
  ASSERT_TRUE(soon([&] { return is_filled(live) && model.n_encoded == 62U; })) << model.n_encoded;
  const auto found = search(live, "knead dough rest", Mode::dense);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hits.front().path, "bread.py");
  EXPECT_EQ(found->n_vectors, 61U);
}

TEST_F(LiveVectorsTest, AnEndInTheMiddleIsPromptAndTheNextGoesOn) {
  FakeModel first("fake", /*n_allowed=*/32);
  auto live = std::make_unique<LiveIndex>(options(first));
  ASSERT_TRUE(soon([&] { return live->state().n_vectors == 32U; }));
  const auto begun = std::chrono::steady_clock::now();
  live.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  FakeModel second;
  LiveIndex again(options(second));
  again.refresh(30s);
  ASSERT_TRUE(soon([&] { return is_filled(again) && again.state().n_vectors == 61U; }));
  EXPECT_EQ(second.n_encoded, 61U - 32U);
}

TEST_F(LiveVectorsTest, AnotherWriterIsWaitedForAndWhatItMadeIsTaken) {
  FakeModel model("fake", /*n_allowed=*/0);
  LiveIndex live(options(model));
  live.refresh(30s);
  auto writer = IndexWriter::open(folder_.path() / "index", {});
  ASSERT_TRUE(writer);
  model.let_go();
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(live.state().n_vectors, 0U);
  EXPECT_FALSE(live.state().vectors_error.has_value());
  writer->reset();
  EXPECT_TRUE(soon([&] { return is_filled(live) && live.state().n_vectors == 61U; }));
}

TEST_F(LiveVectorsTest, ManySearchWhileTheyAreFilledAndFilesChange) {
  FakeModel model;
  LiveIndex live(options(model));
  live.refresh(30s);
  std::atomic<bool> ended = false;
  std::atomic<int> n_wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!ended) {
        const auto found = search(live, "bake flour", Mode::hybrid);
        n_wrong += found && !found->hits.empty() && found->hits.front().path == "bread.py" ? 0 : 1;
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    folder_.write("top/g" + std::to_string(i) + ".py", "stone = " + std::to_string(i) + "\n");
    live.refresh(30s);
  }
  EXPECT_TRUE(soon([&] { return is_filled(live) && live.state().n_vectors == 66U; }));
  ended = true;
  threads.clear();
  EXPECT_EQ(n_wrong, 0);
}

TEST_F(LiveVectorsTest, ALargeIndexGetsAGraphBehindItsVectorsAndIsSearchedByIt) {
  if (!VectorGraph::is_available()) GTEST_SKIP() << "built without usearch";
  for (int i = 0; i < 500; ++i) {
    const std::string n = std::to_string(i);
    folder_.write("top/h" + n + ".py", "def handle_" + n + "(event_" + n + "):\n    return event_" + n + "\n");
  }
  FakeModel model;
  LiveIndexOptions large = options(model);
  large.graph_limits = {.most_scanned = 300, .most_behind = 5};
  LiveIndex live(large);
  live.refresh(30s);
  ASSERT_TRUE(soon([&] { return is_filled(live) && live.state().n_vectors == 561U; }));
  const auto path = VectorGraph::path_in(folder_.path() / "index", "fake");
  ASSERT_TRUE(std::filesystem::exists(path));
  ASSERT_TRUE(soon([&] {  // the searchers' vectors may be a moment old
    const auto found = search(live, "flour water oven bake", Mode::dense);
    return found && found->n_found < 561U;
  }));
  for (const Mode mode : {Mode::dense, Mode::hybrid}) {
    const auto found = search(live, "flour water oven bake", mode);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->hits.size(), 10U);
    EXPECT_EQ(found->hits.front().path, "bread.py");
    EXPECT_EQ(found->n_vectors, 561U);
  }
  auto lease = live.searcher();
  ASSERT_TRUE(lease && live.need_vectors(*lease));
  SearchQuery query;
  query.text = "flour water oven bake";
  query.mode = Mode::dense;
  query.n_hits = 561;
  const auto all = (**lease).search(query);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->n_found, 561U);
  query.n_hits = 10;
  query.paths = {"!bread.py"};
  const auto rest = (**lease).search(query);
  ASSERT_TRUE(rest && rest->hits.size() == 10U);
  EXPECT_EQ(rest->hits.front().path, all->hits[1].path);

  // A file that is new is found before the graph has it, and joins it with others.
  const std::string before = test::read_all(path);
  folder_.write("top/knead.py", "def knead(dough):\n    return dough.rest()\n");
  live.refresh(30s);
  ASSERT_TRUE(soon([&] {
    const auto found = search(live, "knead dough rest", Mode::dense);
    return is_filled(live) && found && found->hits.front().path == "knead.py";
  }));
  EXPECT_EQ(test::read_all(path), before);
  for (int i = 0; i < 8; ++i) folder_.write("top/k" + std::to_string(i) + ".py", "stone = " + std::to_string(i) + "\n");
  live.refresh(30s);
  EXPECT_TRUE(soon([&] { return is_filled(live) && test::read_all(path) != before; }));
}

TEST_F(LiveVectorsTest, AModelIsNotLoadedForAnIndexWithoutVectors) {
  FakeModel model;
  LiveIndex live(options(model, /*fills=*/false));
  live.refresh(30s);
  const auto found = search(live, "bake flour", Mode::hybrid);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hits.front().path, "bread.py");
  EXPECT_EQ(found->n_vectors, 0U);
  EXPECT_FALSE(model.is_loaded());
  EXPECT_EQ(search(live, "bake flour", Mode::dense).error().code, Code::unsupported);
}

TEST_F(LiveVectorsTest, OfALongQueryTheModelReadsTheTitleAndTheProse) {
  FakeModel model;
  LiveIndex live(options(model));
  live.refresh(30s);
  ASSERT_TRUE(soon([&] { return is_filled(live) && live.state().n_vectors == 61U; }));
  ASSERT_TRUE(search(live, "flour and water", Mode::hybrid));
  EXPECT_EQ(model.take_queries(), std::vector<std::string>{"flour and water"});

  std::string words;
  for (int i = 0; i < 40; ++i) words += "more water than flour makes no bread ";
  const std::string issue = "Baking fails\n\n" + words + "\n\n```\nvalue_1 = number_1(value_1)\n```\n";
  const auto found = search(live, issue, Mode::hybrid);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->n_vectors, 61U);
  const std::vector<std::string> read = model.take_queries();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0], "Baking fails");
  EXPECT_EQ(read[1].find("value_1"), std::string::npos) << read[1];
  EXPECT_NE(read[1].find("more water"), std::string::npos) << read[1];

  ASSERT_TRUE(search(live, issue, Mode::dense));
  EXPECT_EQ(model.take_queries(), std::vector<std::string>{issue});
}

TEST_F(LiveVectorsTest, VectorsOfAnotherModelAreNotUsed) {
  {
    FakeModel other("other");
    LiveIndex live(options(other));
    ASSERT_TRUE(soon([&] { return is_filled(live) && live.state().n_vectors == 61U; }));
  }
  FakeModel model;
  LiveIndex live(options(model, /*fills=*/false));
  live.refresh(30s);
  const auto found = search(live, "bake flour", Mode::hybrid);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->n_vectors, 0U);
}

TEST_F(LiveVectorsTest, TheSameBytesUnderTwoPathsHaveVectorsOfEach) {
  const auto index = folder_.path() / "vectors";
  folder_.write("vectors/keep", "");
  const BlockKey here = block_key(content_hash("a"), "a.py"), there = block_key(content_hash("a"), "b.txt");
  auto file = VectorFile::open(index, "m", 2);
  const std::vector<float> one = {0.6F, 0.8F}, three = {1, 0, 0, 1, 1, 0};
  ASSERT_TRUE(file->append(here, std::vector<index::VectorKey>(1), one));
  ASSERT_TRUE(file->append(there, std::vector<index::VectorKey>(3), three));
  auto opened = VectorFile::open(index, "m", 2);
  EXPECT_EQ(opened->n_rows(here), 1U);
  EXPECT_EQ(opened->n_rows(there), 3U);
  EXPECT_EQ(opened->row(here, 0).components()[1], 127);
  EXPECT_EQ(opened->row(there, 2).components()[1], 0);
  ASSERT_TRUE(opened->compact([&](const BlockKey& key) { return key == here; }));
  EXPECT_EQ(opened->n_rows(here), 1U);
  EXPECT_EQ(opened->n_rows(there), 0U);
}

TEST_F(LiveVectorsTest, AFileOfVectorsSeesWhatAnotherWriterAppends) {
  const auto index = folder_.path() / "vectors";
  folder_.write("vectors/keep", "");
  auto one = VectorFile::open(index, "m", 2);
  auto two = VectorFile::open(index, "m", 2);
  ASSERT_TRUE(one && two);
  const std::vector<index::VectorKey> keys(1);
  const std::vector<float> vector = {0.6F, 0.8F};
  const BlockKey a = block_key(content_hash("a"), "a.py"), b = block_key(content_hash("b"), "b.py");
  ASSERT_TRUE(one->append(a, keys, vector));
  ASSERT_TRUE(two->refresh());
  EXPECT_EQ(two->n_rows(a), 1U);
  ASSERT_TRUE(two->append(b, keys, vector));
  ASSERT_TRUE(one->refresh());
  EXPECT_EQ(one->n_rows(b), 1U);
  EXPECT_EQ(VectorFile::open(index, "m", 2)->n_blocks(), 2U);
  EXPECT_TRUE(VectorFile::any_in(index));
  EXPECT_FALSE(VectorFile::any_in(folder_.path() / "top"));
}

}  // namespace
}  // namespace lode::search
