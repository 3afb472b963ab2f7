// The vectors that are kept on disk by text (index/vector_cache.h), for threads that share them: a lock around each
// call. Any thread.
#pragma once

#include <mutex>
#include <span>
#include <utility>

#include "base/error.h"
#include "index/vector_cache.h"

namespace lode::search {

class KeptVectors {
 public:
  explicit KeptVectors(index::VectorCache cache) : cache_(std::move(cache)) {}

  // As the cache's.
  bool read(const index::VectorKey& key, std::span<float> row) {
    const std::scoped_lock lock(mutex_);
    return cache_.read(key, row);
  }
  Status append(std::span<const index::VectorKey> keys, std::span<const float> rows) {
    const std::scoped_lock lock(mutex_);
    return cache_.append(keys, rows);
  }
  Status refresh() {
    const std::scoped_lock lock(mutex_);
    return cache_.refresh();
  }

 private:
  std::mutex mutex_;
  index::VectorCache cache_;
};

}  // namespace lode::search
