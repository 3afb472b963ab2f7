// Trees read from git's object database: the same as in packed data, errors that say what is missing.
#include "eval/git_trees.h"

#include <filesystem>
#include <map>
#include <string>

#include <git2.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "eval/bm25_files.h"
#include "eval/tree_source.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Entry {
  std::string bytes;
  git_filemode_t mode = GIT_FILEMODE_BLOB;
};
using Folder = std::map<std::string, Entry>;  // by path

// A bare repository, written object by object.
class Repository {
 public:
  explicit Repository(const fs::path& folder) {
    git_libgit2_init();
    check(git_repository_init(&repository_, folder.c_str(), 1));
  }
  ~Repository() {
    git_repository_free(repository_);
    git_libgit2_shutdown();
  }
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  // Its id, in hex.
  std::string commit(const Folder& folder) {
    const git_oid tree_id = tree(folder);
    git_tree* tree = nullptr;
    check(git_tree_lookup(&tree, repository_, &tree_id));
    git_signature* someone = nullptr;
    check(git_signature_new(&someone, "someone", "someone@example.org", 0, 0));
    git_oid id;
    check(git_commit_create(&id, repository_, nullptr, someone, someone, nullptr, "message", tree, 0, nullptr));
    git_signature_free(someone);
    git_tree_free(tree);
    return hex(id);
  }

  std::string blob(const std::string& bytes) {
    git_oid id;
    check(git_blob_create_from_buffer(&id, repository_, bytes.data(), bytes.size()));
    return hex(id);
  }

 private:
  static void check(int code) { ASSERT_EQ(code, 0) << git_error_last()->message; }
  static std::string hex(const git_oid& id) {
    std::string out(GIT_OID_HEXSZ, '\0');
    git_oid_fmt(out.data(), &id);
    return out;
  }
  git_oid tree(const Folder& folder) {
    git_treebuilder* builder = nullptr;
    check(git_treebuilder_new(&builder, repository_, nullptr));
    std::map<std::string, Folder> below;
    for (const auto& [path, entry] : folder) {
      if (const size_t slash = path.find('/'); slash != std::string::npos) {
        below[path.substr(0, slash)][path.substr(slash + 1)] = entry;
        continue;
      }
      git_oid id;
      if (entry.mode == GIT_FILEMODE_COMMIT) {
        check(git_oid_fromstr(&id, entry.bytes.c_str()));
      } else {
        check(git_blob_create_from_buffer(&id, repository_, entry.bytes.data(), entry.bytes.size()));
      }
      check(git_treebuilder_insert(nullptr, builder, path.c_str(), &id, entry.mode));
    }
    for (const auto& [name, inside] : below) {
      const git_oid id = tree(inside);
      check(git_treebuilder_insert(nullptr, builder, name.c_str(), &id, GIT_FILEMODE_TREE));
    }
    git_oid id;
    check(git_treebuilder_write(&id, builder));
    git_treebuilder_free(builder);
    return id;
  }

  git_repository* repository_ = nullptr;
};

class GitTreesTest : public ::testing::Test {
 protected:
  // "" for what is read.
  std::string refusal(const fs::path& repository, const std::string& commit) const {
    const auto trees = GitTrees::read(repository, std::vector<NamedCommit>{{"issue", commit}}, &is_candidate);
    if (!trees) return trees.error().line();
    const auto status = trees->each_blob([](uint32_t, std::string_view) {});
    return status ? "" : status.error().line();
  }
  [[nodiscard]] fs::path clone() const { return folder_.path() / "o__n.git"; }

  test::TemporaryFolder folder_;
};

std::vector<std::string> contents(const Trees& trees, const std::string& name) {
  std::vector<std::string> blobs(trees.n_blobs());
  EXPECT_TRUE(trees.each_blob([&](uint32_t blob, std::string_view bytes) { blobs.at(blob) = bytes; }));
  std::vector<std::string> out;
  for (const Trees::File& file : trees.find(name)->files) {
    out.push_back(trees.paths()[file.path] + "=" + blobs[file.blob]);
  }
  return out;
}

TEST_F(GitTreesTest, HoldTheCandidatesOfEachCommitByPath) {
  Repository repository(clone());
  const std::string link_target = "0123456789012345678901234567890123456789";
  const Folder first = {{"b.py", {"one"}},
                        {"a/x.py", {"two"}},
                        {"a.py", {"one"}},
                        {"run.py", {"three", GIT_FILEMODE_BLOB_EXECUTABLE}},
                        {"tests/t.py", {"no"}},
                        {"README.md", {"no"}},
                        {"link.py", {"b.py", GIT_FILEMODE_LINK}},
                        {"module.py", {link_target, GIT_FILEMODE_COMMIT}}};
  Folder second = first;
  second.erase("b.py");
  second["a/y.py"] = {"four"};
  const std::vector<NamedCommit> commits = {{"1", repository.commit(first)}, {"2", repository.commit(second)}};
  const auto trees = GitTrees::read(clone(), commits, &is_candidate);
  ASSERT_TRUE(trees) << trees.error().line();
  EXPECT_EQ(trees->n_blobs(), 4U) << "equal files are one";
  EXPECT_THAT(contents(*trees, "1"), ElementsAre("a.py=one", "a/x.py=two", "b.py=one", "run.py=three"));
  EXPECT_THAT(contents(*trees, "2"), ElementsAre("a.py=one", "a/x.py=two", "a/y.py=four", "run.py=three"));
}

TEST_F(GitTreesTest, RankAsPackedTreesDo) {
  Repository repository(clone());
  std::vector<Issue> issues;
  std::string index, blobs;
  for (int i = 0; i < 3; ++i) {
    Folder folder;
    std::string tree;
    for (int file = 0; file < 20; ++file) {
      const std::string path = "pkg/f" + std::to_string(file) + ".py";
      std::string bytes = "def name" + std::to_string(file * 7 % 5) + "(): return " + std::to_string(file + i) + "\n";
      for (int k = 0; k < file; ++k) bytes += "parse url " + std::to_string(k % 3) + "\n";
      const auto number = std::to_string(i * 20 + file);
      index += "B\t" + number + "\t" + std::to_string(blobs.size()) + "\t" + std::to_string(bytes.size()) + "\tsha\n";
      tree += "+\t" + path + "\t" + number + "\n";
      blobs += bytes;
      folder[path] = {bytes};
    }
    const std::string id = "o__n-" + std::to_string(i), commit = repository.commit(folder);
    index += "I\t" + id + "\t" + commit + "\t20\n" + tree;
    issues.push_back({id, "o/n", commit, "name" + std::to_string(i) + " cannot parse a url 1", "pkg/f1.py"});
  }
  folder_.write("o__n.index.tsv.xz", index);
  folder_.write("o__n.blobs.xz", blobs);
  const auto packed = score_files_by_bm25({.packed = folder_.path(), .clones = {}}, issues, {});
  const auto cloned = score_files_by_bm25({.packed = {}, .clones = folder_.path()}, issues, {});
  ASSERT_TRUE(packed) << packed.error().line();
  ASSERT_TRUE(cloned) << cloned.error().line();
  for (size_t i = 0; i < issues.size(); ++i) {
    EXPECT_EQ((*packed)[i].paths, (*cloned)[i].paths);
    EXPECT_EQ((*packed)[i].scores, (*cloned)[i].scores);
    EXPECT_GT(std::ranges::max((*cloned)[i].scores), 0);
  }
}

TEST_F(GitTreesTest, WhatIsMissingIsNamed) {
  std::string commit, blob;
  {
    Repository repository(clone());
    commit = repository.commit({{"a/b.py", {"bytes"}}});
    blob = repository.blob("bytes");
  }
  EXPECT_EQ(refusal(clone(), commit), "");
  EXPECT_THAT(refusal(folder_.path() / "absent", commit), HasSubstr("is no git repository"));
  EXPECT_THAT(refusal(folder_.path(), commit), HasSubstr("is no git repository")) << "none above it is taken";
  EXPECT_THAT(refusal(clone(), "HEAD"), HasSubstr("the base_commit of issue is \"HEAD\", 40 hex digits were expected"));
  EXPECT_THAT(refusal(clone(), std::string(40, 'f')), HasSubstr("lacks the commit ffff"));
  EXPECT_THAT(refusal(clone(), std::string(40, 'f')), HasSubstr("git fetch --unshallow"));
  EXPECT_THAT(refusal(clone(), blob), HasSubstr("lacks the commit " + blob)) << "it is a file";
  fs::remove(clone() / "objects" / blob.substr(0, 2) / blob.substr(2));
  EXPECT_THAT(refusal(clone(), commit), HasSubstr("lacks the file " + blob));

  const std::vector<Issue> issues = {{"i", "other/repo", commit, "s", "a.py"}};
  const auto none = open_trees({.packed = {}, .clones = folder_.path()}, issues, {0});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().line(), HasSubstr("has no clone of other/repo: other__repo was expected"));
}

TEST_F(GitTreesTest, AHugeFileIsRefused) {
  Repository repository(clone());
  const std::string commit = repository.commit({{"huge.py", {std::string((size_t{64} << 20) + 1, 'x')}}});
  EXPECT_THAT(refusal(clone(), commit), HasSubstr("has 67108865 bytes, at most 67108864 are read"));
}

}  // namespace
}  // namespace lode::eval
