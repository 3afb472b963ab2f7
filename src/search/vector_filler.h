// Gives the chunks of an index the vectors that they lack: those of files that a search is likelier to need first, a
// few hundred chunks at a time, each batch kept before the next begins, so that whatever ends it, the next run goes on
// from there. One thread, which holds the index's writer lock.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "search/index_reader.h"
#include "search/vector_file.h"

namespace lode::search {

struct VectorFilling {
  // Vectors of length 1, [texts.size(), dims].
  std::function<Result<std::vector<float>>(std::span<const std::string> texts)> encode;
  std::string prompt;  // what it puts in front of a text: a part of its key in the vector cache
  std::function<bool()> stopped = [] { return false; };
  // Chunks that have their vectors, of all.
  std::function<void(size_t n_done, size_t n_chunks)> progress = [](size_t, size_t) {};
  size_t batch_chunks = 256;
};

struct VectorReport {
  size_t n_chunks = 0;   // of the tree
  size_t n_encoded = 0;  // in this run
};

// Errors: those of encode, the file and the reader; cancelled.
Result<VectorReport> fill_vectors(IndexReader& reader, VectorFile& file, const VectorFilling& filling);

}  // namespace lode::search
