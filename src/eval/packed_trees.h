// The trees of one repository at many commits, packed: each distinct file once, each tree as changes against the one
// before it (the layout of ../shared/data/swebench_lite/corpus, described in its README). The index is read whole and
// checked; the files' contents are streamed. Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::eval {

class PackedTrees {
 public:
  struct File {
    uint32_t path = 0;  // into paths()
    uint32_t blob = 0;
  };
  struct Tree {
    std::string name;  // an instance's id
    std::string commit;
    std::vector<File> files;  // by path
  };

  // NAME.index.tsv.xz (or gzip, or plain). Errors: io, not_found, corrupt with the line.
  static Result<PackedTrees> read(const std::filesystem::path& index);

  [[nodiscard]] const std::vector<Tree>& trees() const { return trees_; }
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  [[nodiscard]] size_t n_blobs() const { return lengths_.size(); }

  // NAME.blobs.xz, from front to back: `visit` gets each blob's number and bytes, which it must not keep.
  Status each_blob(const std::filesystem::path& blobs,
                   const std::function<void(uint32_t, std::string_view)>& visit) const;

 private:
  std::vector<uint64_t> lengths_;  // blobs lie one after the other
  std::vector<std::string> paths_;
  std::vector<Tree> trees_;
};

}  // namespace lode::eval
