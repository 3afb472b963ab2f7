// The trees of one git repository at many commits, read from its object database: no work tree is needed, nothing is
// checked out, a bare clone will do. Only regular files count: symbolic links and submodules are no files here. Refuses
// a folder that is no repository, a commit or object that the clone lacks (a shallow or partial clone) and files beyond
// 64 MiB. libgit2 is hidden in git_trees.cc. Immutable once read; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/trees.h"

namespace lode::eval {

struct NamedCommit {
  std::string name;  // of the tree: an instance's id
  std::string commit;
};

class GitTrees final : public Trees {
 public:
  using Keep = bool (*)(std::string_view path);
  // One tree for each commit, of the files whose path `keep` likes. Errors: not_found, corrupt, unsupported for a
  // repository of SHA-256 ids, permission where git holds the folder for unsafe.
  static Result<GitTrees> read(const std::filesystem::path& repository, std::span<const NamedCommit> commits,
                               Keep keep);

  [[nodiscard]] size_t n_blobs() const override { return blobs_.size(); }
  // Errors: not_found for an object that the clone lacks, too_large.
  Status each_blob(const OnBlob& visit) const override;

 private:
  friend class GitWalk;
  using ObjectId = std::array<unsigned char, 20>;

  std::filesystem::path repository_;
  std::vector<ObjectId> blobs_;
};

}  // namespace lode::eval
