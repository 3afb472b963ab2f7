// Gives the chunks of an index the vectors that they lack: those of files that a search is likelier to need first, a
// few hundred chunks at a time, each batch kept before the next begins, so that whatever ends it, the next run goes on
// from there. One thread, which holds the index's writer lock, or takes it for each batch (VectorFilling::locked).
#pragma once

#include <cstddef>
#include <filesystem>
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
  // Runs what writes to the file, with the writer's lock held: by whoever does not hold it all the time.
  std::function<Status(const std::function<Status()>& write)> locked = [](const auto& write) { return write(); };
};

struct VectorReport {
  size_t n_chunks = 0;   // of the tree
  size_t n_encoded = 0;  // in this run
};

// Errors: those of encode, the file and the reader; cancelled.
Result<VectorReport> fill_vectors(IndexReader& reader, VectorFile& file, const VectorFilling& filling);

// Takes out of the file what no tree of the index has any more, where that is much. With the writer's lock held.
Status drop_lost_vectors(const std::filesystem::path& index, VectorFile& file);

}  // namespace lode::search
