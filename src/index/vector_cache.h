// Vectors kept on disk, so that a run which was stopped goes on where it was and a text is encoded once. One folder an
// identity (everything that decides a vector besides its text and prompt), append-only, three files:
// - identity: the identity as text, for people and to be compared;
// - vectors: rows of float32[n_dims], little-endian;
// - keys: a header, then one entry a row: 16 bytes of XXH3-128 over prompt and text, 8 bytes of XXH3-64 over the row.
// Rows are written before their entries, so a process that is killed at any moment leaves whole entries with whole rows
// and perhaps a tail, which the next writer cuts off. A row that does not match its sum (a flipped bit, a hole after a
// power cut) is not found any more, and is kept anew behind the others. Any number of processes may use a folder: each
// takes the lock (flock on keys) for the moment of an append and then also learns what the others added. Nothing is
// synced: a power cut costs rows, never right answers. Memory: about 50 bytes a row, for the keys. One thread at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"

namespace lode::index {

struct VectorKey {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const VectorKey&) const = default;
};
// `prompt`: what Encoder::applied says of the text's prompt.
VectorKey vector_key(std::string_view prompt, std::string_view text);

class VectorCache {
 public:
  // Opens or makes the folder of `identity` in `root`; a folder that cannot be written is opened for reading. Errors:
  // io (can neither be made nor read), corrupt (the header is not one, or is of other dimensions or another identity).
  static Result<VectorCache> open(const std::filesystem::path& root, std::string_view identity, int64_t n_dims);
  VectorCache(VectorCache&&) noexcept;
  VectorCache& operator=(VectorCache&&) noexcept;
  ~VectorCache();

  // Fills `row` [n_dims] and says true, or says false: there is none, or it is damaged.
  bool read(const VectorKey& key, std::span<float> row);
  // rows: [keys.size(), n_dims]. On an error (disk full, read-only) the files are as before.
  Status append(std::span<const VectorKey> keys, std::span<const float> rows);
  // Learns what other processes have added.
  Status refresh();

  [[nodiscard]] const std::filesystem::path& folder() const;
  [[nodiscard]] size_t n_rows() const;     // on disk
  [[nodiscard]] uint64_t n_bytes() const;  // on disk
  [[nodiscard]] size_t n_damaged() const;  // rows that read() found damaged

 private:
  struct Impl;
  explicit VectorCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::index
