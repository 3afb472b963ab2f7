// Gives the chunks of an index the vectors that they lack, behind everything else: a thread of its own looks whenever
// it is told that the index changed, and fills a few dozen chunks at a time. It computes without the index's writer
// lock and takes that for the moment of an append only, so that whoever brings the index up to date hardly waits; while
// another process has it for long, nothing is written. What is appended stays, whatever ends it. A large index's graph
// (vector_graph.h) is made and extended behind that, in rounds, so that what changes meanwhile does not wait for all of
// it. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/error.h"
#include "search/index_writer.h"
#include "search/vector_graph.h"
#include "search/vector_model.h"

namespace lode::search {

class VectorFollower {
 public:
  struct State {
    bool is_filling = false;
    size_t n_vectors = 0;  // chunks that have one, of n_chunks, when it looked last
    size_t n_chunks = 0;
    std::optional<Error> error;  // why it did not go on, if so
  };

  // The model outlives it. Nothing is done before ask().
  VectorFollower(std::filesystem::path index, RootName root, VectorModel& model, const GraphLimits& limits = {});
  ~VectorFollower();  // what is being computed is dropped

  // The index may have changed.
  void ask();
  // Ends it for good, without waiting.
  void stop() { thread_.request_stop(); }

  [[nodiscard]] State state() const;

 private:
  void run(const std::stop_token& stop);
  Status fill(const std::stop_token& stop);
  Status extend_graph(const VectorModelCard& card, const std::stop_token& stop);
  [[nodiscard]] bool is_asked() const;

  const std::filesystem::path index_;
  const RootName root_;
  VectorModel& model_;
  const GraphLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_asked_ = false;
  State state_;
  size_t n_since_compacted_ = 0;  // of the thread alone
  std::jthread thread_;           // last: ends before the rest goes
};

}  // namespace lode::search
