// Brings an index up to date with a tree: what is unchanged by its stamp is not read, what is known by its bytes is not
// analysed, all else is read and analysed on all threads and written from one, a batch a transaction. Whatever ends it
// in between, the committed batches stay and the next run goes on from them. One thread calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "search/file_check.h"
#include "search/index_writer.h"
#include "search/tree.h"

namespace lode::search {

inline constexpr size_t kMaxFileBytes = size_t{64} << 20;  // that max_file_bytes may be

struct IndexingOptions {
  size_t max_file_bytes = size_t{1} << 20;  // larger files are left out
  // Of files that are in memory at a time. The first batches are smaller, so that a search finds something soon.
  size_t batch_bytes = size_t{64} << 20;
  // Asked often and from any thread; true ends the run with Code::cancelled after what is committed.
  std::function<bool()> stopped = [] { return false; };
  // Files that are done, of all: first those that are unchanged, in the end all. On the calling thread.
  std::function<void(size_t n_done, size_t n_files)> progress = [](size_t, size_t) {};
};

struct IndexingReport {
  size_t n_files = 0;  // in the index, those left out not counted
  size_t n_chunks = 0;
  size_t n_symbols = 0;
  size_t n_unchanged = 0;
  size_t n_changed = 0;  // read in this run, new ones among them
  size_t n_removed = 0;
  size_t n_analysed = 0;                 // contents that were not known
  std::array<size_t, kSkips> skipped{};  // by Skip
};

// commit_id: of a commit, "" of a folder.
Result<IndexingReport> update_index(IndexWriter& writer, Tree& tree, const RootName& name, std::string_view commit_id,
                                    ThreadPool& pool, const IndexingOptions& options);

}  // namespace lode::search
