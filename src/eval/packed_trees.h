// The trees of one repository at many commits, packed: each distinct file once, each tree as changes against the one
// before it (the layout of ../shared/data/swebench_lite/corpus, described in its README). The index is read whole and
// checked; the files' contents are streamed. Immutable once read; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "eval/trees.h"

namespace lode::eval {

class PackedTrees final : public Trees {
 public:
  // NAME.index.tsv.xz and NAME.blobs.xz (or gzip, or plain), of which each_blob reads the second. Errors: io,
  // not_found, corrupt with the line.
  static Result<PackedTrees> read(const std::filesystem::path& index, std::filesystem::path blobs);

  [[nodiscard]] size_t n_blobs() const override { return lengths_.size(); }
  // From front to back. Errors: io, not_found; corrupt where the file is too short.
  Status each_blob(const OnBlob& visit) const override;

 private:
  std::filesystem::path blobs_;
  std::vector<uint64_t> lengths_;  // blobs lie one after the other
};

}  // namespace lode::eval
