// A folder's files: a work tree or any other. Symbolic links are not followed, not even ones that take a folder's place
// between the walk and the reading; .git and the index's own folder are not entered, and where that is the top, the
// index's files are passed over. Where the folder lies in a work tree, the ignore files above it count too, and so does
// the repository's info/exclude. What cannot be read is counted and left out; only a top that cannot be read is an
// error.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "search/tree.h"

namespace lode::search {

class FolderTree final : public Tree {
 public:
  // own_index: the index's folder; may be empty or missing. Errors: not_found, permission, io.
  static Result<std::unique_ptr<FolderTree>> open(const std::filesystem::path& folder,
                                                  const std::filesystem::path& own_index);
  ~FolderTree() override;

  // All that were entered: "" for the top, "a/", "a/b/"; in no order.
  [[nodiscard]] const std::vector<std::string>& folders() const { return folders_; }

  // Errors: too_large; io for what is gone, forbidden or no regular file any more.
  Result<ReadFile> read(const TreeFile& file, size_t max_bytes, int worker) override;

 private:
  explicit FolderTree(int top) : top_(top) {}
  friend class FolderWalk;

  int top_;  // descriptor of the folder
  std::vector<std::string> folders_;
};

// Where the .git of a work tree leads: the repository's folder that its work trees share (.git itself, or of a linked
// work tree the main one's). Empty: `folder` is no top of a work tree.
std::filesystem::path common_git_folder(const std::filesystem::path& folder);

}  // namespace lode::search
