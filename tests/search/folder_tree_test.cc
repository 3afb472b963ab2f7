#include "search/folder_tree.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>

#include "../base/temporary.h"
#include "git_command.h"
#include "search/ignore_rules.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using test::git;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> walked(const fs::path& folder, const fs::path& own_index = {}) {
  const auto tree = FolderTree::open(folder, own_index);
  std::vector<std::string> out;
  if (!tree) return {tree.error().line()};
  for (const TreeFile& file : (*tree)->files()) out.push_back(file.path);
  return out;
}

// What git would add, and so what it does not ignore.
std::vector<std::string> listed_by_git(const fs::path& folder) {
  const std::string out = git(folder, "ls-files --others --exclude-standard -z");
  std::vector<std::string> paths;
  for (size_t at = 0; at < out.size();) {
    const size_t end = out.find('\0', at);
    paths.push_back(out.substr(at, end - at));
    at = end + 1;
  }
  std::ranges::sort(paths);
  return paths;
}

std::string random_pattern() {
  static const std::vector<std::string> kParts = {
      "a", "b", "ab", "c.d", "*", "?", "/", "**", "/**/", "**/", "[ab]", "[!a]", "[^b-d]", "[[:alpha:]]",
      "[", "]", "\\", "\\*", "!", "#", " ", "-",  ".",    "a b", "\\ ",  "***",  "[a-",    "[]a]"};
  std::string out = *rc::gen::weightedElement<std::string>({{12, ""}, {2, "!"}, {2, "/"}});
  const auto n = *rc::gen::inRange(1, 5);
  for (int i = 0; i < n; ++i) out += *rc::gen::elementOf(kParts);
  // An escaped slash behind two stars is git's own secret.
  for (size_t at = out.find("\\/"); at != std::string::npos; at = out.find("\\/")) out.erase(at, 1);
  return out + *rc::gen::weightedElement<std::string>({{8, ""}, {2, "/"}, {1, "  "}, {1, "\\ "}, {1, "\r"}});
}

TEST(FolderTree, PassesOverAnIndexThatLiesInTheTopItself) {
  const TemporaryFolder folder;
  for (const char* const own :
       {"index.db", "index.db-wal", "index.db-shm", "lock", "vectors-00f.i8", "vectors-00f.i8.new", "vectors-00f.hnsw",
        "served-12-0.json", "served-12-0.json.part"}) {
    folder.write(own, "1");
  }
  for (const char* const other : {"a.py", "sub/lock", "sub/index.db", "lock.py", "vectors-00f.py", "served.json"}) {
    folder.write(other, "1");
  }
  EXPECT_THAT(walked(folder.path(), folder.path()),
              ElementsAre("a.py", "lock.py", "served.json", "sub/index.db", "sub/lock", "vectors-00f.py"));
  EXPECT_THAT(walked(folder.path()), ::testing::SizeIs(15)) << "of an index elsewhere they are files as others";
}

TEST(FolderTree, NamesTheFoldersThatItEntered) {
  const TemporaryFolder folder;
  folder.write(".gitignore", "out/\n");
  folder.write("out/x", "1");
  folder.write("a/b/x", "1");
  folder.write("index/x", "1");
  folder.write(".git/x", "1");
  fs::create_directories(folder.path() / "empty/below");
  const auto tree = FolderTree::open(folder.path(), folder.path() / "index");
  ASSERT_TRUE(tree);
  EXPECT_THAT((*tree)->folders(), UnorderedElementsAre("", "a/", "a/b/", "empty/", "empty/below/"));
}

RC_GTEST_PROP(IgnoreRules, KeepAndDropTheFilesThatGitDoes, ()) {
  const test::Variable place("TMPDIR", fs::exists("/dev/shm") ? "/dev/shm" : nullptr);
  const TemporaryFolder folder;
  folder.write(".git/HEAD", "ref: refs/heads/main\n");  // a repository, as far as git asks
  for (const char* part : {".git/objects", ".git/refs"}) fs::create_directories(folder.path() / part);
  const std::vector<std::string> names = {"a", "b", "ab", "c.d", "a b", "-", "#a", "!b", "a*"};
  const auto n_files = *rc::gen::inRange(5, 30);
  for (int i = 0; i < n_files; ++i) {
    std::string path;
    const auto depth = *rc::gen::inRange(0, 4);
    for (int level = 0; level < depth; ++level) path += *rc::gen::elementOf(names) + "_/";
    folder.write(path + *rc::gen::elementOf(names), "x");
  }
  const auto rules = [&] {
    std::string text;
    const auto n = *rc::gen::inRange(1, 6);
    for (int i = 0; i < n; ++i) text += random_pattern() + "\n";
    return text;
  };
  std::string said;
  const auto put = [&](const std::string& path) {
    const std::string text = rules();
    said += path + ":\n" + text;
    folder.write(path, text);
  };
  put(".gitignore");
  put(".git/info/exclude");
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.is_directory() && entry.path().filename() != ".git" && *rc::gen::arbitrary<bool>()) {
      put(entry.path().filename().string() + "/.gitignore");
    }
  }
  RC_LOG(said);
  RC_ASSERT(walked(folder.path()) == listed_by_git(folder.path()));
}

TEST(IgnoreRules, HoldBelowAFolderOfAWorkTreeToo) {
  const TemporaryFolder folder;
  git(folder.path(), "init -q");
  folder.write(".gitignore", "/sub/x/no\n*.log\n");
  folder.write("sub/.gitignore", "!keep.log\n");
  for (const char* path : {"sub/x/no", "sub/x/yes", "sub/x/a.log", "sub/x/keep.log"}) folder.write(path, "x");
  EXPECT_THAT(walked(folder.path() / "sub/x"), ElementsAre("keep.log", "yes"));
  EXPECT_THAT(walked(folder.path() / "sub"), ElementsAre(".gitignore", "x/keep.log", "x/yes"));
}

TEST(IgnoreRules, OfOurOwnAreStrongerThanGits) {
  const TemporaryFolder folder;  // no repository
  folder.write(".gitignore", "made/\n*.txt\n");
  folder.write(".lodeignore", "!made/\n!notes.txt\nsecret/\n");
  folder.write("secret/.lodeignore", "!a\n");
  for (const char* path : {"made/a", "notes.txt", "b.txt", "secret/a", "c"}) folder.write(path, "x");
  EXPECT_THAT(walked(folder.path()), ElementsAre(".gitignore", ".lodeignore", "c", "made/a", "notes.txt"));
}

TEST(IgnoreRules, TakeTimeByTheLengthsAndNotByTheStars) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  pattern += "b";
  const std::string deep = [] {
    std::string out;
    for (int i = 0; i < 60; ++i) out += "**/a/";
    return out + "b";
  }();
  std::string path;
  for (int i = 0; i < 300; ++i) path += "a/";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(glob_matches(pattern, std::string(4000, 'a')));
  EXPECT_FALSE(glob_matches(deep, path + "c"));
  EXPECT_TRUE(glob_matches(deep, path + "b"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(FolderTree, ListsWhatCanBeReadWhateverElseLiesThere) {
  const TemporaryFolder folder;
  const std::string odd = "od\xff\nd";
  folder.write("a", "1");
  folder.write(odd, "2");
  folder.write("index/index.db", "3");
  folder.write("other/b", "4");
  fs::create_symlink("a", folder.path() / "link");
  fs::create_symlink("other", folder.path() / "linked");
  ASSERT_EQ(::mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
  std::string long_name(255, 'n');
  fs::create_directories(folder.path() / long_name / long_name);
  const auto tree = FolderTree::open(folder.path(), folder.path() / "index");
  ASSERT_TRUE(tree);
  EXPECT_EQ((*tree)->n_special(), 3u);
  EXPECT_THAT(walked(folder.path(), folder.path() / "index"), ElementsAre("a", odd, "other/b"));
  EXPECT_EQ((*tree)->read((*tree)->files()[1], 100, 0)->bytes, "2");
}

TEST(FolderTree, CountsWhatLiesTooDeepAndGoesOn) {
  const TemporaryFolder folder;
  std::string path;
  for (int i = 0; i < 400; ++i) path += "d/";
  folder.write(path + "lost", "x");
  folder.write("kept", "x");
  const auto tree = FolderTree::open(folder.path(), {});
  ASSERT_TRUE(tree);
  EXPECT_EQ((*tree)->n_unreadable(), 1u);
  EXPECT_THAT(walked(folder.path()), ElementsAre("kept"));
}

TEST(FolderTree, ReadsNoFileThatBecameALinkAPipeOrTooLarge) {
  const TemporaryFolder folder;
  for (const char* path : {"pipe", "link", "large", "gone", "in/file"}) folder.write(path, "x");
  folder.write("elsewhere/file", "secret");
  const auto opened = FolderTree::open(folder.path(), {});
  ASSERT_TRUE(opened);
  Tree& tree = **opened;
  const auto read = [&](std::string_view path) {
    const auto file = std::ranges::find(tree.files(), path, &TreeFile::path);
    return tree.read(*file, 10, 0);
  };
  EXPECT_EQ(read("in/file")->bytes, "x");
  for (const char* path : {"pipe", "link", "gone"}) fs::remove(folder.path() / path);
  fs::remove_all(folder.path() / "in");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  fs::create_symlink("elsewhere/file", folder.path() / "link");
  fs::create_symlink("elsewhere", folder.path() / "in");
  folder.write("large", std::string(11, 'x'));
  EXPECT_EQ(read("pipe").error().code, Code::io);
  EXPECT_EQ(read("link").error().code, Code::io);
  EXPECT_EQ(read("in/file").error().code, Code::io);
  EXPECT_EQ(read("gone").error().code, Code::io);
  EXPECT_EQ(read("large").error().code, Code::too_large);
}

TEST(FolderTree, OfNoFolderIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  folder.write("file", "x");
  EXPECT_EQ(FolderTree::open(folder.path() / "none", {}).error().code, Code::not_found);
  EXPECT_EQ(FolderTree::open(folder.path() / "file", {}).error().code, Code::not_found);
}

}  // namespace
}  // namespace lode::search
