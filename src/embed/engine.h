// One computation at a time, on the engine's thread or, for what is short, on the caller's. Every served model has a
// Queue here; the engine takes a token budget's worth of sequences from one queue at a time (a pass), filled across its
// requests, computes, and hands each request its rows. Models share the machine by their queues' shares of computing
// time, never at the same time. Passes are kept short (target_pass) so that whoever comes next does not wait long,
// whatever the size of the model.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "embed/embedder.h"
#include "embed/queue.h"

namespace lode::embed {

// One forward pass, as the metrics see it.
struct Pass {
  std::string_view model;  // name of its queue
  int64_t n_tokens = 0;
  int64_t n_sequences = 0;
  int64_t n_requests = 0;
  int64_t budget_tokens = 0;  // what would have fit
  double seconds = 0;
};

struct EngineOptions {
  // Passes are cut so that they take about this long, but never below kMinPassTokens; 0: always max_batch_tokens.
  std::chrono::milliseconds target_pass{250};
  // A request that meets an idle engine and is expected to take no longer is computed by the thread that submits it,
  // which saves two hand-overs; 0: never.
  std::chrono::milliseconds short_pass{20};
  // Called after each pass on the thread that computed it; must not block.
  std::function<void(const Pass&)> on_pass{};
};

// Below this many tokens a pass loses more speed than it gains in waiting time.
inline constexpr int64_t kMinPassTokens = 256;

class Engine {
 public:
  explicit Engine(EngineOptions options = {});  // starts the thread
  ~Engine();                                    // drain()
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // A queue in front of `embedder`, which must outlive the engine and must not be computed with by others meanwhile;
  // it may have several queues.
  // Queues may be added while others work; they live as long as the engine.
  Queue& add(std::string name, Embedder& embedder, const QueueOptions& options);

  // Refuses new requests, finishes those accepted, stops the thread. Idempotent; blocks.
  void drain();

 private:
  friend class Queue;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::embed
