// The one way from many threads to one engine: requests wait here, the engine thread takes a token budget's worth at a
// time (filled across requests), computes, and hands each request its rows. Bounded in tokens and in requests: beyond
// the bound a request is refused at once, never held. submit() may be called from any thread; `done` runs on the engine
// thread and must not block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "embed/embedder.h"
#include "embed/prompt.h"

namespace lode::embed {

struct QueueOptions {
  int64_t max_tokens = 8 << 20;  // waiting tokens, all requests together
  int64_t max_requests = 4096;   // waiting requests
};

struct QueueState {
  int64_t waiting_tokens = 0;
  int64_t waiting_requests = 0;
};

class Queue {
 public:
  // [n, dims] row-major, row i for the request's sequence i.
  using Vectors = std::vector<float>;
  using Done = std::move_only_function<void(Result<Vectors>)>;

  // Starts the engine thread; the embedder must outlive the queue and must not be computed with by others meanwhile.
  Queue(Embedder& embedder, const QueueOptions& options);
  ~Queue();  // drain()
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Errors (then `done` is not called): overloaded when it does not fit, too_large when it never could, unavailable
  // after drain(). A request larger than one pass is split over passes.
  Status submit(std::vector<TokenSequence> sequences, Done done);

  // Refuses new requests, finishes those accepted, stops the engine thread. Idempotent; blocks.
  void drain();

  [[nodiscard]] QueueState state() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::embed
