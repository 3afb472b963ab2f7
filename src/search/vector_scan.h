// The cosines of a query and the chunks of a tree that have a vector: those of the 8-bit rows, the best ones again from
// the floats that they were rounded from. All chunks are looked at, or, where more than GraphLimits::most_scanned
// could be wanted and the rows have a graph, those that it leads to, those that it does not know yet, and those that
// are asked for by name; then every chunk of a content that has one of the nearest, so that a file's best chunks are
// all there. What is found by either way has the same cosine. Any thread, one call at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "index/vector_cache.h"
#include "search/index_reader.h"
#include "search/vector_file.h"
#include "search/vector_graph.h"

namespace lode::search {

class VectorScan {
 public:
  // Fills the row of a key, or says that there is none.
  using ReadExact = std::function<bool(const index::VectorKey& key, std::span<float> row)>;
  // Of the reader's tree. `exact` may be null, and lack rows: then the rounded ones have to do. `graph`: of that file,
  // or null.
  static Result<VectorScan> open(IndexReader& reader, std::shared_ptr<const VectorFile> file, ReadExact exact,
                                 std::shared_ptr<const VectorGraph> graph = nullptr, const GraphLimits& limits = {});
  static Result<VectorScan> open(IndexReader& reader, std::shared_ptr<const VectorFile> file, index::VectorCache* exact,
                                 std::shared_ptr<const VectorGraph> graph = nullptr, const GraphLimits& limits = {});

  // The same of any contents: their blocks and where each one's chunks begin, with the end of the last.
  static VectorScan over(std::span<const BlockKey> blocks, std::span<const uint32_t> first_chunks,
                         std::shared_ptr<const VectorFile> file, ReadExact exact,
                         std::shared_ptr<const VectorGraph> graph = nullptr, const GraphLimits& limits = {});

  // How many of the tree's chunks have a vector.
  [[nodiscard]] size_t n_vectors() const { return n_vectors_; }
  [[nodiscard]] int64_t dims() const { return file_->dims(); }

  // Contents are those of the reader, by place.
  struct Wanted {
    size_t n_nearest = kAllChunks;           // so many chunks, if no more can be had cheaply
    std::span<const uint8_t> contents = {};  // 0: none of its chunks; empty: all are wanted
    std::span<const uint32_t> also = {};     // whose chunks are wanted however far they are
  };
  static constexpr size_t kAllChunks = SIZE_MAX;
  static constexpr float kNone = -2;
  struct Cosines {
    std::vector<float> by_chunk;  // kNone: without a vector, not wanted, or not looked at
    bool is_whole = true;         // every wanted chunk was looked at
  };
  // query: [dims], of length 1.
  Cosines cosines(std::span<const float> query, const Wanted& wanted);
  // Of all chunks.
  std::vector<float> cosines(std::span<const float> query) { return cosines(query, Wanted{}).by_chunk; }
  // A chunk's own, [dims] of length 1: what its row was rounded from, or else what it was rounded to; empty without.
  std::vector<float> vector_of(index::TextId chunk);

 private:
  VectorScan() = default;
  [[nodiscard]] bool is_wanted(const Wanted& wanted, uint32_t chunk) const;

  std::shared_ptr<const VectorFile> file_;
  std::shared_ptr<const VectorGraph> graph_;  // null: not worth it, or there is none
  GraphLimits limits_;
  ReadExact exact_;
  std::vector<VectorRow> rows_;         // by chunk
  std::vector<uint32_t> contents_;      // place of each chunk's
  std::vector<uint32_t> first_chunks_;  // of each content, and the end
  std::vector<uint32_t> chunks_;        // by number of the row; only with a graph
  size_t n_vectors_ = 0;
};

}  // namespace lode::search
