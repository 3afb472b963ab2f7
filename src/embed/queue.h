// Where requests for one model wait for the engine. Bounded in tokens and in requests: beyond the bound a request is
// refused at once, never held, whatever its size. In each pass half of the budget goes by age and the
// rest to those that need least, so that a bulk request always gets on and a short one hardly waits for it. A request
// whose caller went away gives its place back at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/error.h"
#include "embed/prompt.h"

namespace lode::embed {

class Engine;

struct QueueOptions {
  int64_t max_tokens = 8 << 20;  // waiting tokens, all requests together
  int64_t max_requests = 4096;   // waiting requests
  double share = 1;              // of computing time, against the other queues of the engine
  // In place of the engine's (EngineOptions), for work that others shall wait less for.
  std::optional<std::chrono::milliseconds> target_pass{};
};

struct QueueState {
  int64_t waiting_tokens = 0;    // not taken by the engine yet
  int64_t waiting_requests = 0;  // not wholly taken yet
};

struct Timing {
  double queue_s = 0;    // from submission to the first pass
  double compute_s = 0;  // of the passes that the request was part of
  int64_t n_passes = 0;
};

struct Computed {
  std::vector<float> vectors;  // [n, dims] row-major, row i for the request's sequence i
  Timing timing;
};

class Queue {
 public:
  // Runs once: on the engine thread, in submit() on the caller's, or, with Code::cancelled, on the thread that
  // requested the stop; must not block.
  using Done = std::move_only_function<void(Result<Computed>)>;

  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Any thread, which computes what is short itself (EngineOptions::short_pass). Errors (then `done` is not called):
  // overloaded when it does not fit, too_large when it never could, unavailable after drain(). `gone`: when it is
  // requested, what was not computed yet is dropped.
  Status submit(std::vector<TokenSequence> sequences, std::stop_token gone, Done done);

  [[nodiscard]] QueueState state() const;
  [[nodiscard]] const QueueOptions& options() const;

 private:
  friend class Engine;
  struct Impl;
  explicit Queue(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::embed
