#include "embed/queue.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace lode::embed {
namespace {

struct Request {
  std::vector<TokenSequence> sequences;
  Queue::Vectors vectors;  // [n, dims]
  Queue::Done done;
  size_t n_taken = 0;     // sequences handed to the engine
  size_t n_finished = 0;  // rows that are there
  int64_t n_tokens = 0;   // of the sequences not taken yet
  bool failed = false;    // `done` was called with an error; its remaining sequences are dropped
};

// One sequence of a pass: whose, and which.
struct Slot {
  std::shared_ptr<Request> request;
  size_t index;
};

int64_t length(const TokenSequence& sequence) {
  return static_cast<int64_t>(sequence.ids.size());
}

}  // namespace

struct Queue::Impl {
  Impl(Embedder& e, const QueueOptions& o) : embedder(e), options(o) {}

  Embedder& embedder;
  QueueOptions options;

  mutable std::mutex mutex;
  std::condition_variable work;
  std::deque<std::shared_ptr<Request>> waiting;  // guarded by mutex; the front may be partly taken
  int64_t waiting_tokens = 0;                    // guarded by mutex
  bool draining = false;                         // guarded by mutex
  std::once_flag joined;
  std::jthread engine;

  void run();
  bool take(std::vector<Slot>& slots, std::vector<TokenSequence>& sequences);
  void compute(const std::vector<Slot>& slots, std::span<const TokenSequence> sequences);
};

// Fills a pass from the front of the queue, across requests. False when there is nothing left and never will be.
bool Queue::Impl::take(std::vector<Slot>& slots, std::vector<TokenSequence>& sequences) {
  std::unique_lock lock(mutex);
  work.wait(lock, [&] { return draining || !waiting.empty(); });
  int64_t budget = embedder.max_batch_tokens();
  while (!waiting.empty()) {
    const std::shared_ptr<Request>& request = waiting.front();
    while (request->n_taken < request->sequences.size()) {
      TokenSequence& next = request->sequences[request->n_taken];
      if (length(next) > budget && !slots.empty()) return true;
      budget -= length(next);
      waiting_tokens -= length(next);
      request->n_tokens -= length(next);
      slots.push_back({request, request->n_taken});
      sequences.push_back(std::move(next));
      ++request->n_taken;
    }
    waiting.pop_front();
  }
  return !slots.empty();
}

void Queue::Impl::compute(const std::vector<Slot>& slots, std::span<const TokenSequence> sequences) {
  const auto dims = static_cast<size_t>(embedder.dims());
  std::vector<float> vectors(sequences.size() * dims);
  const Status status = embedder.compute(sequences, vectors);
  for (size_t i = 0; i < slots.size(); ++i) {
    Request& request = *slots[i].request;
    if (request.failed) continue;
    // A pass that fails is computed again text by text, so that only the text at fault fails.
    Status own = status;
    if (!status && slots.size() > 1) {
      own = embedder.compute(sequences.subspan(i, 1), std::span(vectors).subspan(i * dims, dims));
    }
    if (!own) {
      request.failed = true;
      request.done(std::unexpected(own.error()));
      continue;
    }
    std::copy_n(vectors.begin() + static_cast<ptrdiff_t>(i * dims), dims,
                request.vectors.begin() + static_cast<ptrdiff_t>(slots[i].index * dims));
    if (++request.n_finished == request.sequences.size()) request.done(std::move(request.vectors));
  }
}

void Queue::Impl::run() {
  std::vector<Slot> slots;
  std::vector<TokenSequence> sequences;
  while (take(slots, sequences)) {
    compute(slots, sequences);
    slots.clear();
    sequences.clear();
  }
}

Queue::Queue(Embedder& embedder, const QueueOptions& options) : impl_(std::make_unique<Impl>(embedder, options)) {
  impl_->engine = std::jthread([impl = impl_.get()] { impl->run(); });
}

Queue::~Queue() {
  drain();
}

Status Queue::submit(std::vector<TokenSequence> sequences, Done done) {
  auto request = std::make_shared<Request>();
  for (const TokenSequence& sequence : sequences) request->n_tokens += length(sequence);
  request->vectors.resize(sequences.size() * static_cast<size_t>(impl_->embedder.dims()));
  request->sequences = std::move(sequences);
  request->done = std::move(done);
  if (request->sequences.empty()) return fail(Code::invalid_argument, "a request without texts");
  if (request->n_tokens > impl_->options.max_tokens) {
    return fail(
        Code::too_large,
        fmt::format("the request has {} tokens, the queue takes {}", request->n_tokens, impl_->options.max_tokens),
        "Send fewer texts at a time.");
  }
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->draining) return fail(Code::unavailable, "the server is shutting down");
    if (impl_->waiting_tokens + request->n_tokens > impl_->options.max_tokens ||
        static_cast<int64_t>(impl_->waiting.size()) >= impl_->options.max_requests) {
      return fail(Code::overloaded,
                  fmt::format("the queue is full: {} requests with {} tokens are waiting", impl_->waiting.size(),
                              impl_->waiting_tokens),
                  "Try again in a moment.");
    }
    impl_->waiting_tokens += request->n_tokens;
    impl_->waiting.push_back(std::move(request));
  }
  impl_->work.notify_one();
  return {};
}

void Queue::drain() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->draining = true;
  }
  impl_->work.notify_all();
  std::call_once(impl_->joined, [&] {
    if (impl_->engine.joinable()) impl_->engine.join();
  });
}

QueueState Queue::state() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->waiting_tokens, static_cast<int64_t>(impl_->waiting.size())};
}

}  // namespace lode::embed
