// The vectors of an index's chunks for one model, 8 bits a component: what a search scans. An append-only file beside
// the index's database, of blocks: whose chunks they are (the content's hash and that of the path that was put in front
// of them; the same bytes under another path, of another tree or another language, are another block), then a row a
// chunk. What they were rounded from lies in a vector cache (index/
// vector_cache.h) under each row's key, to be looked at again where it matters. A block that was not written whole ends
// the file: the next writer goes on from there. Little-endian. Who writes holds the index's writer
// lock. Searching threads share one; writing is one thread's.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "index/vector_cache.h"
#include "search/content_hash.h"

namespace lode::search {

// A row in memory, as it lies in the file: the key, the scale, then n_dims components.
class VectorRow {
 public:
  VectorRow() = default;
  explicit VectorRow(const char* bytes) : bytes_(bytes) {}
  explicit operator bool() const { return bytes_ != nullptr; }
  [[nodiscard]] index::VectorKey key() const;
  [[nodiscard]] float scale() const;  // component i stands for scale() * components()[i]
  [[nodiscard]] const int8_t* components() const;

 private:
  const char* bytes_ = nullptr;
};

// Whose chunks a block has: a content's, with a path put in front of them.
struct BlockKey {
  ContentHash content{};
  uint64_t path = 0;  // its hash
  friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
};
BlockKey block_key(const ContentHash& content, std::string_view path);

class VectorFile {
 public:
  // vectors-HASH.i8 in the index's folder, by the model's identity: everything that decides a vector besides its text.
  // Opened to read it holds what is there, nothing where the file is missing. Errors: io; corrupt for a file of another
  // format, model or number of dimensions.
  static Result<VectorFile> open(const std::filesystem::path& index, std::string_view identity, int64_t n_dims);

  // Where it lies, there or not.
  static std::filesystem::path path_in(const std::filesystem::path& index, std::string_view identity);
  // Whether an index has vectors of any model.
  static bool any_in(const std::filesystem::path& index);
  // Learns what others have written, if anything. Errors: as open's.
  Status refresh();

  [[nodiscard]] int64_t dims() const { return n_dims_; }
  [[nodiscard]] size_t n_blocks() const { return blocks_.size(); }
  // Of a block's chunks, in order; empty where there is none.
  [[nodiscard]] size_t n_rows(const BlockKey& key) const;
  [[nodiscard]] VectorRow row(const BlockKey& key, size_t chunk) const;
  // Every row of the file has a number, from 0 in its order, those that are replaced too: of a block's first one.
  [[nodiscard]] size_t first_number(const BlockKey& key) const;
  [[nodiscard]] size_t n_numbers() const { return n_numbers_; }
  // The rows by their numbers; without those that were appended since the file was read.
  [[nodiscard]] std::vector<VectorRow> numbered_rows() const;
  // Tells which rows have the first n_rows numbers: what they were made of, and in which order.
  [[nodiscard]] uint64_t check_of_rows(size_t n_rows) const;

  // Appends a block's rows, made of vectors [keys.size(), dims()] of length 1; they replace older ones of it. Seen by
  // who opens the file later. Errors: io (a full disk): the file is as before.
  Status append(const BlockKey& key, std::span<const index::VectorKey> keys, std::span<const float> vectors);
  // Writes the file anew without what is replaced or no block that `is_wanted`, if that is half of it or more.
  Status compact(const std::function<bool(const BlockKey&)>& is_wanted);

 private:
  struct Block {
    size_t rows = 0;    // where they begin, in the file
    size_t number = 0;  // of the first
    uint32_t n_rows = 0;
  };
  struct Hash {
    size_t operator()(const BlockKey& key) const;
  };
  VectorFile() = default;
  Status read();
  // Visits the whole blocks that are mapped until it says false; says where the last one that was visited ends.
  size_t each_block(const std::function<bool(const char* head, size_t n_rows)>& visit) const;
  [[nodiscard]] size_t row_bytes() const;

  std::filesystem::path path_;
  std::string identity_;
  int64_t n_dims_ = 0;
  size_t end_ = 0;  // of the last whole block
  size_t n_numbers_ = 0;
  uint64_t inode_ = 0;  // of what was read or written last; 0: nothing
  std::shared_ptr<MappedFile> file_;
  std::unordered_map<BlockKey, Block, Hash> blocks_;
};

}  // namespace lode::search
