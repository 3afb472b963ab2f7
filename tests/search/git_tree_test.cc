#include "search/git_tree.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "git_command.h"
#include "search/folder_tree.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using test::git;
using test::TemporaryFolder;
using ::testing::ElementsAre;

std::vector<std::string> paths_of(const Tree& tree) {
  std::vector<std::string> out;
  for (const TreeFile& file : tree.files()) out.push_back(file.path);
  return out;
}

TEST(GitTree, IsTheCommitWhateverLiesInTheFolder) {
  const TemporaryFolder folder;
  git(folder.path(), "init -q");
  folder.write("a.py", "first\n");
  folder.write("sub/b.py", "b\n");
  fs::create_symlink("a.py", folder.path() / "link");
  git(folder.path(), "add .");
  git(folder.path(), "commit -qm first");
  git(folder.path(), "tag -a v1 -m v1");
  folder.write("a.py", "second\n");
  fs::remove(folder.path() / "sub/b.py");
  git(folder.path(), "commit -qam second");
  folder.write("a.py", "third\n");

  const auto first = GitTree::open(folder.path(), "v1", 2);
  ASSERT_TRUE(first) << first.error().line();
  EXPECT_THAT(paths_of(**first), ElementsAre("a.py", "sub/b.py"));
  EXPECT_EQ((*first)->n_special(), 1u);
  EXPECT_EQ((*first)->read((*first)->files()[0], 100, 1)->bytes, "first\n");
  EXPECT_EQ((*first)->read((*first)->files()[0], 5, 1).error().code, Code::too_large);
  const auto second = GitTree::open(folder.path() / "sub/..", "main", 1);
  ASSERT_TRUE(second) << second.error().line();
  EXPECT_EQ((*second)->commit() + "\n", git(folder.path(), "rev-parse HEAD"));
  EXPECT_THAT(paths_of(**second), ElementsAre("a.py"));
  EXPECT_NE((*first)->files()[0].stamp.blob, (*second)->files()[0].stamp.blob);
}

TEST(GitTree, FollowsTheIgnoreFilesOfTheCommit) {
  const TemporaryFolder folder;
  git(folder.path(), "init -q");
  folder.write(".lodeignore", "data/\n");
  folder.write("data/a", "x\n");
  folder.write("sub/.gitignore", "*.gen\n");
  folder.write("sub/b.gen", "x\n");
  folder.write("sub/c", "x\n");
  git(folder.path(), "add -f .");
  git(folder.path(), "commit -qm all");
  const auto tree = GitTree::open(folder.path(), "HEAD", 1);
  ASSERT_TRUE(tree);
  EXPECT_THAT(paths_of(**tree), ElementsAre(".lodeignore", "sub/.gitignore", "sub/c"));
  const auto walked = FolderTree::open(folder.path(), {});
  ASSERT_TRUE(walked);
  EXPECT_EQ(paths_of(**walked), paths_of(**tree));
}

TEST(GitTree, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_EQ(GitTree::open(folder.path(), "HEAD", 1).error().code, Code::not_found);
  git(folder.path(), "init -q");
  EXPECT_EQ(GitTree::open(folder.path(), "HEAD", 1).error().code, Code::not_found);
  folder.write("a", "x");
  git(folder.path(), "add .");
  git(folder.path(), "commit -qm a");
  EXPECT_EQ(GitTree::open(folder.path(), "no-such-branch", 1).error().code, Code::not_found);
  const std::string blob = git(folder.path(), "rev-parse HEAD:a");
  EXPECT_EQ(GitTree::open(folder.path(), blob.substr(0, 40), 1).error().code, Code::not_found);
  const auto tree = GitTree::open(folder.path(), "HEAD", 1);
  ASSERT_TRUE(tree);
  const fs::path object = folder.path() / ".git/objects" / blob.substr(0, 2) / blob.substr(2, 38);
  ASSERT_TRUE(fs::remove(object));
  EXPECT_EQ((*tree)->read((*tree)->files()[0], 10, 0).error().code, Code::corrupt);
}

TEST(CommonGitFolder, OfALinkedWorkTreeIsTheMainOnes) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "main");
  git(folder.path() / "main", "init -q");
  folder.write("main/a", "x");
  git(folder.path() / "main", "add .");
  git(folder.path() / "main", "commit -qm a");
  git(folder.path() / "main", "worktree add -q ../other");
  EXPECT_EQ(common_git_folder(folder.path() / "other"), fs::canonical(folder.path() / "main/.git"));
  EXPECT_TRUE(common_git_folder(folder.path()).empty());
}

}  // namespace
}  // namespace lode::search
