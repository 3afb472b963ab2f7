// The files of a tree, whatever it lies in: a folder (folder_tree.h) or a commit (git_tree.h). Paths are bytes with
// slashes between, relative to the top; nobody promises that they are UTF-8 or fit a line. Ignored files are not
// listed: .gitignore and .lodeignore of every level decide, .lodeignore first, and below a folder that is ignored
// nothing is kept. The list is read once; files may change or go before they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::search {

inline constexpr std::string_view kGitIgnore = ".gitignore";
inline constexpr std::string_view kOwnIgnore = ".lodeignore";
// Larger files of patterns are read so far.
inline constexpr size_t kMaxIgnoreBytes = size_t{1} << 20;

// By what a file is known to be the one that was read before.
struct Stamp {
  uint64_t size = 0;  // bytes
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;
  std::string blob;  // the object's id, of a file of a commit; the numbers but for the size are 0 then

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

struct TreeFile {
  std::string path;
  Stamp stamp;
  uint32_t mode = 0;  // as stat's, with the type
};

// What was read, and the file's stamp at that time.
struct ReadFile {
  std::string bytes;
  Stamp stamp;
  // The stamp may stay the same if the file is written once more: it was written a moment ago, or meanwhile.
  bool racy = false;
};

class Tree {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  virtual ~Tree() = default;

  // By path, as bytes.
  [[nodiscard]] const std::vector<TreeFile>& files() const { return files_; }
  // Entries that are no regular files and no folders, and folders that could not be read.
  [[nodiscard]] size_t n_special() const { return n_special_; }
  [[nodiscard]] size_t n_unreadable() const { return n_unreadable_; }

  // A file of files(), at most max_bytes of it: Code::too_large beyond. Any thread, each worker number on one at a
  // time.
  virtual Result<ReadFile> read(const TreeFile& file, size_t max_bytes, int worker) = 0;

 protected:
  std::vector<TreeFile> files_;
  size_t n_special_ = 0;
  size_t n_unreadable_ = 0;
};

}  // namespace lode::search
