// The files of one commit of a git repository, read from its object database: no work tree is needed and nothing is
// checked out. Symbolic links and submodules are no files here. libgit2 is hidden in git_tree.cc.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "search/tree.h"

namespace lode::search {

class GitTree final : public Tree {
 public:
  // `folder`: a repository, bare or not, or a folder of its work tree. `revision`: what git rev-parse takes: a branch,
  // a tag, a commit. Errors: not_found, unsupported, corrupt, permission.
  static Result<std::unique_ptr<GitTree>> open(const std::filesystem::path& folder, const std::string& revision,
                                               int n_workers);
  ~GitTree() override;

  [[nodiscard]] const std::string& commit() const { return commit_; }  // 40 digits

  // Errors: too_large; io, corrupt for an object that the clone lacks.
  Result<ReadFile> read(const TreeFile& file, size_t max_bytes, int worker) override;

 private:
  struct Impl;
  GitTree();
  std::unique_ptr<Impl> impl_;
  std::string commit_;
};

}  // namespace lode::search
