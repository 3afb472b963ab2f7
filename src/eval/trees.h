// The source trees of one repository at several commits: paths, the blob at each path, and the blobs' bytes, each
// distinct blob once however many trees hold it. Immutable once read; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::eval {

// A file that is longer is refused: what says so may be damaged.
inline constexpr size_t kMaxBlobBytes = size_t{64} << 20;

class Trees {
 public:
  struct File {
    uint32_t path = 0;  // into paths()
    uint32_t blob = 0;  // below n_blobs()
  };
  struct Tree {
    std::string name;  // an instance's id
    std::string commit;
    std::vector<File> files;  // by path
  };
  // A blob's number and bytes, which it must not keep.
  using OnBlob = std::function<void(uint32_t blob, std::string_view bytes)>;

  Trees() = default;
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  virtual ~Trees() = default;

  [[nodiscard]] const std::vector<Tree>& trees() const { return trees_; }
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  // Null where there is none of that name.
  [[nodiscard]] const Tree* find(std::string_view name) const {
    for (const Tree& tree : trees_) {
      if (tree.name == name) return &tree;
    }
    return nullptr;
  }

  [[nodiscard]] virtual size_t n_blobs() const = 0;
  // All blobs, by number.
  virtual Status each_blob(const OnBlob& visit) const = 0;

 protected:
  Trees(Trees&&) = default;
  Trees& operator=(Trees&&) = default;

  std::vector<std::string> paths_;
  std::vector<Tree> trees_;
};

}  // namespace lode::eval
