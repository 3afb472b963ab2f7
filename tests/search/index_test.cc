// Whatever was done to a folder, its index answers as one that is built afresh.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "../base/temporary.h"
#include "git_command.h"
#include "index/lexical_corpus.h"
#include "indexed_folder.h"
#include "search/git_tree.h"
#include "search/segment_merge.h"
#include "search/stored_source.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using test::dump;
using test::git;
using test::root_of;
using test::TemporaryFolder;
using test::update;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string random_source() {
  static const std::vector<std::string> kWords = {"parse", "HttpServer", "read_all", "token",
                                                  "x",     "Query",      "the",      "größe"};
  std::string out;
  const auto n_functions = *rc::gen::inRange(0, 6);
  for (int i = 0; i < n_functions; ++i) {
    out += "def " + *rc::gen::elementOf(kWords) + std::to_string(*rc::gen::inRange(0, 4)) + "(a):\n";
    const auto n_lines = *rc::gen::inRange(1, 30);
    for (int line = 0; line < n_lines; ++line) {
      out += "    " + *rc::gen::elementOf(kWords) + " = " + *rc::gen::elementOf(kWords) + "\n";
    }
  }
  return out + *rc::gen::weightedElement<std::string>({{9, ""}, {1, std::string("\0", 1)}});
}

// One change of a folder; the paths are few, so that they meet.
void change(const fs::path& folder) {
  static const std::vector<std::string> kPaths = {"a.py", "b.py", "c.txt", "sub/a.py", "sub/deep/b.py", "d.md"};
  const fs::path path = folder / *rc::gen::elementOf(kPaths);
  const fs::path other = folder / *rc::gen::elementOf(kPaths);
  fs::create_directories(path.parent_path());
  fs::create_directories(other.parent_path());
  switch (*rc::gen::inRange(0, 7)) {
    case 0: fs::remove(path); break;
    case 1:
      if (fs::exists(path)) fs::rename(path, other);
      break;
    case 2:
      if (fs::exists(path) && path != other) fs::copy_file(path, other, fs::copy_options::overwrite_existing);
      break;
    case 3: std::ofstream(path, std::ios::app) << random_source(); break;
    case 4: fs::remove_all(folder / "sub"); break;
    default: std::ofstream(path, std::ios::binary) << random_source();
  }
}

RC_GTEST_PROP(Index, AnswersAfterAnyEditsAsOneBuiltAfresh, ()) {
  // In memory where that is a folder: bringing a thousand small indexes to disk takes a minute.
  const test::Variable place("TMPDIR", fs::exists("/dev/shm") ? "/dev/shm" : nullptr);
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  const std::vector<fs::path> folders = {work.path() / "one", work.path() / "two"};  // two trees of one index
  for (const fs::path& folder : folders) fs::create_directories(folder);
  const auto n_rounds = *rc::gen::inRange(1, 16);
  for (int round = 0; round < n_rounds; ++round) {
    const fs::path& folder = *rc::gen::elementOf(folders);
    const auto n_changes = *rc::gen::inRange(0, 4);
    for (int i = 0; i < n_changes; ++i) change(folder);
    IndexingOptions options;
    options.batch_bytes = *rc::gen::elementOf(std::vector<size_t>{1, 500, 1 << 20});
    const auto report = update(folder, index, options);
    RC_ASSERT(report.has_value());
  }
  for (const fs::path& folder : folders) {
    const fs::path fresh = work.path() / "fresh";
    fs::remove_all(fresh);
    RC_ASSERT(update(folder, index).has_value());
    RC_ASSERT(update(folder, fresh).has_value());
    const auto kept = dump(folder, index);
    const auto built = dump(folder, fresh);
    RC_ASSERT(kept.has_value());
    RC_ASSERT(built.has_value());
    RC_ASSERT(*kept == *built);
  }
}

size_t n_segments(const fs::path& index) {
  const auto database = open_to_read(index);
  return static_cast<size_t>(*database->integer("SELECT count(*) FROM segments"));
}

TEST(Index, KeepsFewSegmentsHoweverOftenItIsUpdated) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  for (int i = 0; i < 40; ++i) {
    work.write("tree/f" + std::to_string(i) + ".py", "def f" + std::to_string(i) + "():\n    pass\n");
    ASSERT_TRUE(update(work.path() / "tree", index));
    ASSERT_LE(n_segments(index), kMaxSegments);
  }
  const auto reader = IndexReader::open(index, root_of(work.path() / "tree"));
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->n_chunks(), 40u);
  EXPECT_THAT(*(*reader)->definitions("F17"), SizeIs(1));
  EXPECT_THAT(*(*reader)->postings("pass"), SizeIs(40));
}

TEST(Index, ForgetsContentsThatNoTreeHolds) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  for (int i = 0; i < 20; ++i) work.write("tree/f" + std::to_string(i), "text " + std::to_string(i));
  ASSERT_TRUE(update(work.path() / "tree", index));
  for (int i = 0; i < 15; ++i) fs::remove(work.path() / "tree" / ("f" + std::to_string(i)));
  const auto report = update(work.path() / "tree", index);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->n_removed, 15u);
  EXPECT_EQ(*open_to_read(index)->integer("SELECT count(*) FROM contents"), 5);
}

TEST(Index, ReadsNothingAgainThatDidNotChange) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  work.write("tree/a.py", "def a():\n    pass\n");
  work.write("tree/b", "");
  ASSERT_TRUE(update(work.path() / "tree", index));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // now the stamps tell
  ASSERT_TRUE(update(work.path() / "tree", index));
  const auto report = update(work.path() / "tree", index);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->n_unchanged, 2u);
  EXPECT_EQ(report->n_changed, 0u);
  EXPECT_EQ(report->n_files, 1u);
  EXPECT_EQ(report->n_chunks, 1u);
  EXPECT_EQ(report->n_symbols, 1u);
  EXPECT_EQ(report->skipped[static_cast<size_t>(Skip::empty)], 1u);
  // Only the limit is another one.
  IndexingOptions options;
  options.max_file_bytes = 5;
  EXPECT_EQ(update(work.path() / "tree", index, options)->n_files, 0u);
  EXPECT_EQ(update(work.path() / "tree", index)->n_files, 1u);
}

TEST(Index, SeesAChangeThatNeitherSizeNorTimeTells) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  const fs::path file = work.write("tree/a", "before");
  const auto time = fs::last_write_time(file);
  ASSERT_TRUE(update(work.path() / "tree", index));
  work.write("tree/a", "behind");
  fs::last_write_time(file, time);
  ASSERT_TRUE(update(work.path() / "tree", index));
  const auto reader = IndexReader::open(index, root_of(work.path() / "tree"));
  EXPECT_THAT(*(*reader)->postings("behind"), SizeIs(1));
  EXPECT_THAT(*(*reader)->postings("befor"), IsEmpty());
}

TEST(Index, ReaderSeesOneStateWhileSomebodyWrites) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  const fs::path folder = work.path() / "tree";
  work.write("tree/a", "old words");
  ASSERT_TRUE(update(folder, index));
  const auto before = IndexReader::open(index, root_of(folder));
  ASSERT_TRUE(before);
  const auto seen = dump(**before);
  work.write("tree/a", "new words");
  work.write("tree/b", "more");
  ASSERT_TRUE(update(folder, index));
  EXPECT_EQ(*dump(**before), *seen);
  EXPECT_THAT(*(*before)->postings("old"), SizeIs(1));
  const auto after = IndexReader::open(index, root_of(folder));
  EXPECT_THAT(*(*after)->postings("old"), IsEmpty());
  EXPECT_THAT(*(*after)->postings("word"), SizeIs(1));
}

TEST(Index, IsTheSourceThatARankingInMemoryIs) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const std::vector<std::pair<std::string, std::string>> files = {
      {"a.py", "class Reader:\n    def read(self):\n        return self.read_all()\n"},
      {"b.py", "def read(path):\n    return READ\n\ndef Read():\n    pass\n"},
      {"c.md", "# Read me\n\nreading\n"}};
  index::LexicalCorpus corpus;
  for (const auto& [path, text] : files) {
    work.write("tree/" + path, text);
    corpus.add(path, text);
  }
  corpus.finish();
  ASSERT_TRUE(update(folder, work.path() / "index"));
  const auto reader = IndexReader::open(work.path() / "index", root_of(folder));
  ASSERT_TRUE(reader);
  StoredSource source(**reader);
  std::vector<std::string> stored_paths;
  std::vector<index::ContentId> stored_contents;
  const auto stored_files = (*reader)->files();
  ASSERT_TRUE(stored_files);
  for (const IndexedFile& file : *stored_files) {
    stored_paths.push_back(file.path);
    stored_contents.push_back((*reader)->place_of(*file.content));
  }
  const index::FileTree tree(source, stored_paths, stored_contents);
  // Contents were added by path, so both number them alike.
  EXPECT_THAT(source.chunk_lengths(), testing::ElementsAreArray(corpus.chunk_lengths()));
  EXPECT_THAT(source.chunk_contents(), testing::ElementsAreArray(corpus.chunk_contents()));
  for (size_t i = 0; i < corpus.contents().size(); ++i) {
    EXPECT_EQ(source.contents()[i].first_chunk, corpus.contents()[i].first_chunk);
    EXPECT_EQ(source.contents()[i].n_chunks, corpus.contents()[i].n_chunks);
    EXPECT_EQ(source.contents()[i].length, corpus.contents()[i].length);
    EXPECT_EQ(source.contents()[i].n_bytes, corpus.contents()[i].n_bytes);
    EXPECT_EQ(tree.path(tree.files_of(static_cast<index::ContentId>(i))[0]), files[i].first);
  }
  for (const char* term : {"read", "read_al", "read_all", "=read", "self", "nothing"}) {
    const auto own = source.postings(term);
    const auto others = corpus.postings(term);
    ASSERT_EQ(own.size(), others.size()) << term;
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].text, others[i].text) << term;
      EXPECT_EQ(own[i].n, others[i].n) << term;
    }
  }
  for (const char* name : {"read", "Read", "Reader", "reader", "Read me", "none"}) {
    const auto own = source.definitions(name);
    const auto others = corpus.definitions(name);
    ASSERT_EQ(own.size(), others.size()) << name;
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].content, others[i].content) << name;
      EXPECT_EQ(own[i].kind, others[i].kind) << name;
      EXPECT_EQ(own[i].line, others[i].line) << name;
    }
  }
  EXPECT_TRUE(source.take_status());
}

TEST(Index, SharesContentsBetweenCommitsAndTheFolder) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  const fs::path folder = work.path() / "tree";
  fs::create_directories(folder);
  git(folder, "init -q");
  for (int i = 0; i < 9; ++i) work.write("tree/f" + std::to_string(i), "text " + std::to_string(i));
  git(folder, "add .");
  git(folder, "commit -qm first");
  git(folder, "tag v1");
  work.write("tree/f0", "other words");
  git(folder, "commit -qam second");
  ASSERT_TRUE(update(folder, index));
  const auto writer = IndexWriter::open(index, {});
  ASSERT_TRUE(writer);
  ThreadPool pool(1);
  const auto tree = GitTree::open(folder, "v1", 1);
  const RootName name{.folder = root_of(folder).folder, .revision = "v1"};
  const auto report = update_index(**writer, **tree, name, (*tree)->commit(), pool, {});
  ASSERT_TRUE(report) << report.error().line();
  EXPECT_EQ(report->n_files, 9u);
  EXPECT_EQ(report->n_analysed, 1u);
  EXPECT_EQ(update_index(**writer, **tree, name, (*tree)->commit(), pool, {})->n_unchanged, 9u);
  EXPECT_THAT(*(*IndexReader::open(index, name))->postings("text"), SizeIs(9));
  EXPECT_EQ((*IndexReader::open(index, name))->commit_id(), (*tree)->commit());
  EXPECT_THAT(*(*IndexReader::open(index, root_of(folder)))->postings("text"), SizeIs(8));
  EXPECT_THAT(*IndexReader::roots(index), SizeIs(2));
  EXPECT_EQ(IndexReader::open(index, {.folder = folder.string(), .revision = "v2"}).error().code, Code::not_found);
}

TEST(Index, ForgetsTreesWhoseFoldersAreGone) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  for (int i = 0; i < 10; ++i) work.write("gone/f" + std::to_string(i), "text " + std::to_string(i));
  work.write("tree/a", "other");
  ASSERT_TRUE(update(work.path() / "gone", index));
  ASSERT_TRUE(update(work.path() / "tree", index));
  EXPECT_THAT(*IndexReader::roots(index), SizeIs(2));
  fs::remove_all(work.path() / "gone");
  work.write("tree/b", "more");
  ASSERT_TRUE(update(work.path() / "tree", index));
  EXPECT_THAT(*IndexReader::roots(index), SizeIs(1));
  EXPECT_EQ(*open_to_read(index)->integer("SELECT count(*) FROM contents"), 2);
}

TEST(Index, HoldsPathsAndTextsOfAnyBytes) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  const std::string odd = "n\xff\n\"'%";
  work.write("tree/" + odd, "caf\xe9 ol\xe9");
  ASSERT_TRUE(update(work.path() / "tree", index));
  const auto reader = IndexReader::open(index, root_of(work.path() / "tree"));
  const auto files = (*reader)->files();
  ASSERT_THAT(*files, SizeIs(1));
  EXPECT_EQ((*files)[0].path, odd);
  EXPECT_EQ(*(*reader)->text(*(*files)[0].content), "caf\xef\xbf\xbd ol\xef\xbf\xbd");
}

TEST(Index, EndsWhereItIsStoppedAndGoesOnFromThere) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  for (int i = 0; i < 50; ++i) work.write("tree/f" + std::to_string(i), "text " + std::to_string(i));
  IndexingOptions options;
  options.batch_bytes = 20;
  std::atomic<bool> stop = false;  // any worker asks
  options.progress = [&](size_t n_done, size_t n_files) {
    EXPECT_EQ(n_files, 50u);
    if (n_done >= 20) stop = true;
  };
  options.stopped = [&] { return stop.load(); };
  EXPECT_EQ(update(work.path() / "tree", index, options).error().code, Code::cancelled);
  const auto reader = IndexReader::open(index, root_of(work.path() / "tree"));
  ASSERT_TRUE(reader);
  EXPECT_FALSE((*reader)->is_complete());
  EXPECT_GE((*reader)->n_chunks(), 15u);
  const auto report = update(work.path() / "tree", index);
  EXPECT_LE(report->n_analysed, 35u);
  EXPECT_EQ(report->n_chunks, 50u);
  EXPECT_TRUE((*IndexReader::open(index, root_of(work.path() / "tree")))->is_complete());
}

}  // namespace
}  // namespace lode::search
