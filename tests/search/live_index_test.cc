// An index that follows its folder, with others who search, write and take files away meanwhile.
#include "search/live_index.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "indexed_folder.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::TemporaryFolder;

class LiveIndexTest : public ::testing::Test {
 protected:
  LiveIndexTest() { folder_.write("top/a.py", "def alpha():\n    return 1\n"); }

  LiveIndexOptions options() {
    LiveIndexOptions out{.index = folder_.path() / "index", .root = test::root_of(folder_.path() / "top")};
    out.max_age = 0ms;
    return out;
  }
  static size_t count(LiveIndex& live, const std::string& text) {
    auto searcher = live.searcher();
    if (!searcher) return 0;
    SearchQuery query;
    query.text = text;
    query.mode = Mode::exact;
    const auto found = (*searcher)->search(query);
    return found ? found->n_found : 0;
  }
  // Until it holds, or for so long.
  static bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 600; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(50ms);
    }
    return false;
  }

  TemporaryFolder folder_;
};

TEST_F(LiveIndexTest, IsMadeAtTheStartAndFollowsWhenAsked) {
  LiveIndex live(options());
  live.refresh(30s);
  EXPECT_EQ(count(live, "alpha"), 1U);
  EXPECT_FALSE(live.state().is_indexing);
  EXPECT_GT(live.state().updated_s, 0);
  folder_.write("top/b.py", "def alpha_two():\n    return alpha()\n");
  EXPECT_EQ(count(live, "alpha"), 1U);
  live.refresh(30s);
  EXPECT_EQ(count(live, "alpha"), 3U);
}

TEST_F(LiveIndexTest, AllFilesAreDoneAfterARunWhateverItRead) {
  LiveIndex live(options());
  const auto expect_done = [&](size_t n) {
    live.refresh(30s);
    EXPECT_EQ(live.state().n_done, n);
    EXPECT_EQ(live.state().n_files, n);
  };
  expect_done(1);
  folder_.write("top/b.py", "beta = 1\n");
  folder_.write("top/c.py", "gamma = 1\n");
  expect_done(3);
  std::this_thread::sleep_for(2100ms);  // a file's stamp is not believed for two seconds
  expect_done(3);
  fs::remove(folder_.path() / "top/c.py");
  expect_done(2);
}

TEST_F(LiveIndexTest, SearchersAreKeptUntilTheIndexChangesWhoeverChangesIt) {
  LiveIndex live(options());
  live.refresh(30s);
  const Searcher* first = nullptr;
  {
    const auto lease = live.searcher();
    ASSERT_TRUE(lease);
    first = &**lease;
  }
  {
    const auto again = live.searcher();
    ASSERT_TRUE(again);
    EXPECT_EQ(&**again, first);
    const auto second = live.searcher();  // while the first is lent
    ASSERT_TRUE(second);
    EXPECT_NE(&**second, first);
  }
  folder_.write("top/b.py", "beta = 1\n");
  ASSERT_TRUE(test::update(folder_.path() / "top", folder_.path() / "index"));  // as another process would
  EXPECT_EQ(count(live, "beta"), 1U);
}

TEST_F(LiveIndexTest, WaitsForAnotherWriterAndThenGoesOn) {
  auto writer = IndexWriter::open(folder_.path() / "index", {});
  ASSERT_TRUE(writer);
  LiveIndex live(options());
  live.refresh(300ms);
  EXPECT_TRUE(live.state().is_indexing);
  EXPECT_FALSE(live.state().error.has_value());
  writer->reset();
  EXPECT_TRUE(soon([&] { return count(live, "alpha") == 1; }));
}

TEST_F(LiveIndexTest, AFolderThatGoesIsAnErrorAndWhatWasIndexedStays) {
  LiveIndex live(options());
  live.refresh(30s);
  fs::rename(folder_.path() / "top", folder_.path() / "gone");
  live.refresh(30s);
  ASSERT_TRUE(live.state().error.has_value());
  EXPECT_EQ(count(live, "alpha"), 1U);
  fs::rename(folder_.path() / "gone", folder_.path() / "top");
  live.refresh(30s);
  EXPECT_FALSE(live.state().error.has_value());
}

TEST_F(LiveIndexTest, ManySearchWhileItChanges) {
  LiveIndex live(options());
  live.refresh(30s);
  std::atomic<bool> ended = false;
  std::atomic<int> n_wrong = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!ended) n_wrong += count(live, "def alpha()") == 1 ? 0 : 1;
    });
  }
  for (int i = 0; i < 5; ++i) {
    folder_.write("top/f" + std::to_string(i) + ".py", "value = " + std::to_string(i) + "\n");
    live.refresh(30s);
  }
  ended = true;
  threads.clear();
  EXPECT_EQ(n_wrong, 0);
  EXPECT_EQ(count(live, "value ="), 5U);
}

TEST_F(LiveIndexTest, AWatchSeesFilesAndNewFoldersAndWhatIsInThem) {
  LiveIndexOptions watched = options();
  watched.watch = true;
  LiveIndex live(std::move(watched));
  ASSERT_TRUE(soon([&] { return count(live, "alpha") == 1; }));
  folder_.write("top/new/deep/c.py", "gamma = 1\n");
  EXPECT_TRUE(soon([&] { return count(live, "gamma") == 1; }));
  folder_.write("top/new/deep/d.py", "delta = 1\n");
  EXPECT_TRUE(soon([&] { return count(live, "delta") == 1; }));
  folder_.write("top/a.py", "def omega():\n    return 1\n");
  EXPECT_TRUE(soon([&] { return count(live, "omega") == 1 && count(live, "alpha") == 0; }));
  fs::rename(folder_.path() / "top/new", folder_.path() / "top/moved");
  folder_.write("top/moved/deep/d.py", "delta = epsilon\n");
  EXPECT_TRUE(soon([&] { return count(live, "epsilon") == 1; }));
  fs::remove_all(folder_.path() / "top/moved");
  EXPECT_TRUE(soon([&] { return count(live, "gamma") == 0; }));
}

// Each folder that takes another's place is followed as the first one was: what comes into it later is found too.
class WatchedFolderTest : public LiveIndexTest {
 protected:
  std::unique_ptr<LiveIndex> watch(const std::string& folder = "top") {
    LiveIndexOptions watched = options();
    watched.root = test::root_of(folder_.path() / folder);
    watched.watch = true;
    auto live = std::make_unique<LiveIndex>(std::move(watched));
    EXPECT_TRUE(soon([&] { return count(*live, "alpha") == 1; }));
    return live;
  }
  void expect_followed(LiveIndex& live, const std::string& folder) {
    for (int i = 0; i < 3; ++i) {
      const std::string word = "word" + std::to_string(++n_words_) + "_";
      folder_.write(folder + "/" + word + ".py", word + " = 1\n");
      EXPECT_TRUE(soon([&] { return count(live, word) == 1; })) << word;
    }
  }

 private:
  int n_words_ = 0;
};

TEST_F(WatchedFolderTest, TheFolderIsReplaced) {
  const auto live = watch();
  for (const std::string kept : {"first", "second"}) {
    fs::rename(folder_.path() / "top", folder_.path() / kept);
    fs::create_directory(folder_.path() / "top");
    expect_followed(*live, "top");
    EXPECT_TRUE(soon([&] { return count(*live, "alpha") == 0; }));
    EXPECT_FALSE(live->state().error.has_value());
  }
}

TEST_F(WatchedFolderTest, TheFolderIsRemovedAndMadeAgain) {
  const auto live = watch();
  fs::remove_all(folder_.path() / "top");
  EXPECT_TRUE(soon([&] { return live->state().error.has_value(); }));
  EXPECT_EQ(live->state().error->code, Code::not_found);
  EXPECT_EQ(count(*live, "alpha"), 1U);
  fs::create_directory(folder_.path() / "top");
  expect_followed(*live, "top");
  EXPECT_TRUE(soon([&] { return !live->state().error.has_value(); }));
  EXPECT_EQ(count(*live, "alpha"), 0U);
}

TEST_F(WatchedFolderTest, AFolderAboveIsReplaced) {
  folder_.write("above/top/a.py", "alpha = 1\n");
  const auto live = watch("above/top");
  fs::rename(folder_.path() / "above", folder_.path() / "moved");
  EXPECT_TRUE(soon([&] { return live->state().error.has_value(); }));
  fs::create_directories(folder_.path() / "above/top");
  expect_followed(*live, "above/top");
}

TEST_F(WatchedFolderTest, AFolderWithinIsReplaced) {
  folder_.write("top/sub/deep/o.py", "omega = 1\n");
  const auto live = watch();
  EXPECT_TRUE(soon([&] { return count(*live, "omega") == 1; }));
  fs::rename(folder_.path() / "top/sub", folder_.path() / "elsewhere");
  fs::create_directories(folder_.path() / "top/sub/deep");
  expect_followed(*live, "top/sub/deep");
  EXPECT_EQ(count(*live, "omega"), 0U);
}

TEST_F(WatchedFolderTest, EmptyFoldersAreFollowed) {
  fs::create_directories(folder_.path() / "top/early/empty");
  const auto live = watch();
  expect_followed(*live, "top/early/empty");
  fs::create_directories(folder_.path() / "top/late/empty/below");
  folder_.write("top/m.py", "marker = 1\n");
  EXPECT_TRUE(soon([&] { return count(*live, "marker") == 1; }));
  folder_.write("top/late/empty/below/o.py", "omega = 1\n");
  EXPECT_TRUE(soon([&] { return count(*live, "omega") == 1; }));
}

}  // namespace
}  // namespace lode::search
