// The cosines of a query and every chunk of a tree that has a vector: all of the 8-bit rows, then the best ones again
// from the floats that they were rounded from. Any thread, one call at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "index/vector_cache.h"
#include "search/index_reader.h"
#include "search/vector_file.h"

namespace lode::search {

class VectorScan {
 public:
  // Fills the row of a key, or says that there is none.
  using ReadExact = std::function<bool(const index::VectorKey& key, std::span<float> row)>;
  // Of the reader's tree. `exact` may be null, and lack rows: then the rounded ones have to do.
  static Result<VectorScan> open(IndexReader& reader, std::shared_ptr<const VectorFile> file, ReadExact exact);
  static Result<VectorScan> open(IndexReader& reader, std::shared_ptr<const VectorFile> file,
                                 index::VectorCache* exact);

  // How many of the tree's chunks have a vector.
  [[nodiscard]] size_t n_vectors() const { return n_vectors_; }
  [[nodiscard]] int64_t dims() const { return file_->dims(); }
  // query: [dims], of length 1 -> by chunk; -2 for one without a vector.
  static constexpr float kNone = -2;
  std::vector<float> cosines(std::span<const float> query);
  // A chunk's own, [dims] of length 1: what its row was rounded from, or else what it was rounded to; empty without.
  std::vector<float> vector_of(index::TextId chunk);

 private:
  VectorScan() = default;

  std::shared_ptr<const VectorFile> file_;
  ReadExact exact_;
  std::vector<VectorRow> rows_;  // by chunk
  size_t n_vectors_ = 0;
};

}  // namespace lode::search
