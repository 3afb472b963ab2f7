// What of a repository's files is embedded: each file cut into chunks, each chunk with the file's path in its first
// line, each distinct text once however many files and commits share it. Filled once, then read by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "eval/trees.h"
#include "index/line_chunker.h"

namespace lode::eval {

class FileChunks {
 public:
  // The chunks of these files, which are some of the trees'. An empty file has one chunk, its path.
  static Result<FileChunks> read(const Trees& trees, std::span<const Trees::File> files,
                                 const index::ChunkOptions& options);
  // The same, cut and headed as `lode search` does (index/document.h).
  static Result<FileChunks> read_definitions(const Trees& trees, std::span<const Trees::File> files);

  // Valid UTF-8, repaired where the file is not.
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }
  // Indices into texts(), in the file's order.
  [[nodiscard]] const std::vector<uint32_t>& of(const Trees::File& file) const { return files_.at(key_of(file)); }

 private:
  static uint64_t key_of(const Trees::File& file) { return uint64_t{file.path} << 32 | file.blob; }
  // The texts of a file's chunks.
  using Cut = std::function<std::vector<std::string>(std::string_view path, std::string_view text)>;
  static Result<FileChunks> read(const Trees& trees, std::span<const Trees::File> files, const Cut& cut);
  uint32_t add(std::string text);

  std::unordered_map<uint64_t, std::vector<uint32_t>> files_;
  std::vector<std::string> texts_;
  std::unordered_map<size_t, std::vector<uint32_t>> ids_;  // by the text's hash; empty once filled
};

}  // namespace lode::eval
