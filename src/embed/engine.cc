#include "embed/engine.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "embed/waiting_list.h"

namespace lode::embed {

using std::chrono::duration;
using std::chrono::steady_clock;

struct Queue::Impl {
  Impl(Engine::Impl& e, std::string n, Embedder& model, const QueueOptions& o)
      : engine(e), name(std::move(n)), embedder(model), options(o) {}

  Engine::Impl& engine;
  std::string name;
  Embedder& embedder;
  QueueOptions options;
  // Guarded by the engine's mutex.
  WaitingList waiting;
  double virtual_time = 0;       // computing seconds so far / share
  double tokens_per_second = 0;  // moving mean of large passes; 0: none yet
  double short_token_s = 0;      // moving mean of seconds a token in small passes; 0: none yet

  [[nodiscard]] int64_t budget() const;
};

struct Engine::Impl {
  using Answers = std::vector<std::pair<Queue::Done, Result<Computed>>>;

  explicit Impl(EngineOptions o) : options(std::move(o)) {}

  EngineOptions options;
  std::mutex mutex;
  std::condition_variable work;
  std::vector<std::unique_ptr<Queue>> queues;  // guarded by mutex
  bool computing = false;                      // by the engine thread or by one that submits; guarded by mutex
  bool draining = false;                       // guarded by mutex
  double virtual_time = 0;                     // of the queue that was served last; guarded by mutex
  std::once_flag joined;
  std::jthread thread;

  void run();
  Queue::Impl* wait_for_pass(std::vector<Slot>& slots);
  Queue::Impl* next_queue();
  [[nodiscard]] bool takes_short(const Queue::Impl& queue, int64_t n_tokens);
  std::vector<Slot> take(Queue::Impl& queue);
  void compute_here(Queue::Impl& queue, std::vector<Slot> slots);
  Answers compute(Queue::Impl& queue, const std::vector<Slot>& slots);
  Answers finish(Queue::Impl& queue, const std::vector<Slot>& slots, std::vector<float> vectors,
                 const std::vector<Status>& statuses, double seconds);
  void cancel(Queue::Impl& queue, const std::shared_ptr<Request>& request);
};

int64_t Queue::Impl::budget() const {
  const int64_t most = embedder.max_batch_tokens();
  const double target = duration<double>(options.target_pass.value_or(engine.options.target_pass)).count();
  if (target <= 0) return most;
  if (tokens_per_second <= 0) return std::min(kMinPassTokens, most);  // a pass of a 7B model may take half a minute
  const auto fits = static_cast<int64_t>(std::min(tokens_per_second * target, 1e15));
  return std::clamp(fits, std::min(kMinPassTokens, most), most);
}

// The queue that has had least of its share. Called with the mutex held.
Queue::Impl* Engine::Impl::next_queue() {
  Queue::Impl* least = nullptr;
  for (const auto& queue : queues) {
    Queue::Impl* const one = queue->impl_.get();
    if (!one->waiting.empty() && (least == nullptr || one->virtual_time < least->virtual_time)) least = one;
  }
  return least;
}

// Whether a request is so short that handing it over would take longer than is gained by it. With the mutex held.
bool Engine::Impl::takes_short(const Queue::Impl& queue, int64_t n_tokens) {
  if (computing || queue.short_token_s <= 0 || next_queue() != nullptr) return false;
  return static_cast<double>(n_tokens) * queue.short_token_s <= duration<double>(options.short_pass).count();
}

// The next pass of a queue where something waits. Called with the mutex held.
std::vector<Slot> Engine::Impl::take(Queue::Impl& queue) {
  computing = true;
  virtual_time = queue.virtual_time;
  std::vector<Slot> slots = queue.waiting.take(queue.budget());
  const auto now = steady_clock::now();
  for (const Slot& slot : slots) {
    Request& request = *slot.request;
    // finish() counts the passes, so this holds for every sequence of the first one.
    if (request.timing.n_passes == 0) request.timing.queue_s = duration<double>(now - request.submitted).count();
  }
  return slots;
}

// For the engine thread. Null when there is nothing left and never will be.
Queue::Impl* Engine::Impl::wait_for_pass(std::vector<Slot>& slots) {
  std::unique_lock lock(mutex);
  computing = false;
  work.wait(lock, [&] { return !computing && (draining || next_queue() != nullptr); });
  Queue::Impl* const queue = next_queue();
  if (queue != nullptr) slots = take(*queue);
  return queue;
}

// A pass on the thread that submitted it; what came in the meantime is for the engine thread.
void Engine::Impl::compute_here(Queue::Impl& queue, std::vector<Slot> slots) {
  Answers answers;
  {
    const struct Leave {
      Impl& engine;
      ~Leave() {
        const std::lock_guard lock(engine.mutex);
        engine.computing = false;
        if (engine.draining || engine.next_queue() != nullptr) engine.work.notify_one();
      }
    } leave{*this};
    answers = compute(queue, slots);
  }
  for (auto& [done, result] : answers) done(std::move(result));
}

Engine::Impl::Answers Engine::Impl::compute(Queue::Impl& queue, const std::vector<Slot>& slots) {
  const auto begun = steady_clock::now();
  const auto dims = static_cast<size_t>(queue.embedder.dims());
  const int64_t budget = queue.budget();
  std::vector<TokenSequence> sequences;
  sequences.reserve(slots.size());
  int64_t n_tokens = 0;
  std::unordered_set<const Request*> requests;
  for (const Slot& slot : slots) {
    sequences.push_back(std::move(slot.request->sequences[slot.index]));
    n_tokens += static_cast<int64_t>(sequences.back().ids.size());
    requests.insert(slot.request.get());
  }
  std::vector<float> vectors(slots.size() * dims);
  const Status status = queue.embedder.compute(sequences, vectors);
  std::vector<Status> statuses(slots.size(), status);
  if (!status && slots.size() > 1) {
    // A pass that fails is computed again text by text, so that only the text at fault fails.
    for (size_t i = 0; i < slots.size(); ++i) {
      statuses[i] =
          queue.embedder.compute(std::span(sequences).subspan(i, 1), std::span(vectors).subspan(i * dims, dims));
    }
  }
  const double seconds = duration<double>(steady_clock::now() - begun).count();
  if (options.on_pass) {
    options.on_pass({.model = queue.name,
                     .n_tokens = n_tokens,
                     .n_sequences = std::ssize(slots),
                     .n_requests = std::ssize(requests),
                     .budget_tokens = std::max(budget, n_tokens),
                     .seconds = seconds});
  }
  {
    const std::lock_guard lock(mutex);
    // Small passes say little about the speed of large ones, and the other way round.
    const auto add = [](double& mean, double value) { mean = mean == 0 ? value : 0.8 * mean + 0.2 * value; };
    const double n = static_cast<double>(n_tokens);
    if (n_tokens < kMinPassTokens / 2) {
      if (n_tokens > 0) add(queue.short_token_s, seconds / n);
    } else if (seconds > 0) {
      add(queue.tokens_per_second, n / seconds);
    }
    queue.virtual_time += seconds / queue.options.share;
  }
  return finish(queue, slots, std::move(vectors), statuses, seconds);
}

// Hands each request its rows; the answers of those that are whole are the caller's to give, without the mutex.
Engine::Impl::Answers Engine::Impl::finish(Queue::Impl& queue, const std::vector<Slot>& slots,
                                           std::vector<float> vectors, const std::vector<Status>& statuses,
                                           double seconds) {
  const auto dims = static_cast<size_t>(queue.embedder.dims());
  std::unordered_set<Request*> in_pass;
  Answers answers;
  for (size_t i = 0; i < slots.size(); ++i) {
    Request& request = *slots[i].request;
    if (in_pass.insert(&request).second) {
      request.timing.compute_s += seconds;
      ++request.timing.n_passes;
    }
    if (statuses[i]) {
      if (request.vectors.empty()) request.vectors.resize(request.sequences.size() * dims);
      std::copy_n(vectors.begin() + static_cast<ptrdiff_t>(i * dims), dims,
                  request.vectors.begin() + static_cast<ptrdiff_t>(slots[i].index * dims));
      if (++request.n_finished < request.sequences.size()) continue;
    }
    const std::lock_guard lock(mutex);
    if (std::exchange(request.ended, true)) continue;
    if (!statuses[i]) queue.waiting.remove(request);
    answers.emplace_back(std::move(request.done),
                         statuses[i] ? Result<Computed>(Computed{std::move(request.vectors), request.timing})
                                     : std::unexpected(statuses[i].error()));
  }
  return answers;
}

void Engine::Impl::cancel(Queue::Impl& queue, const std::shared_ptr<Request>& request) {
  Queue::Done done;
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(request->ended, true)) return;
    queue.waiting.remove(*request);
    done = std::move(request->done);
  }
  done(fail(Code::cancelled, "the caller went away before the answer was there"));
}

void Engine::Impl::run() {
  std::vector<Slot> slots;
  while (Queue::Impl* const queue = wait_for_pass(slots)) {
    for (auto& [done, result] : compute(*queue, slots)) done(std::move(result));
    slots.clear();  // not under the mutex: the last owner of a request waits for its stop callback
  }
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  impl_->thread = std::jthread([impl = impl_.get()] { impl->run(); });
}

Engine::~Engine() {
  drain();
}

Queue& Engine::add(std::string name, Embedder& embedder, const QueueOptions& options) {
  LODE_CHECK(options.share > 0);
  auto queue =
      std::unique_ptr<Queue>(new Queue(std::make_unique<Queue::Impl>(*impl_, std::move(name), embedder, options)));
  const std::lock_guard lock(impl_->mutex);
  return *impl_->queues.emplace_back(std::move(queue));
}

void Engine::drain() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->draining = true;
  }
  impl_->work.notify_all();
  std::call_once(impl_->joined, [&] { impl_->thread.join(); });
}

Queue::Queue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Queue::~Queue() = default;

Status Queue::submit(std::vector<TokenSequence> sequences, std::stop_token gone, Done done) {
  if (sequences.empty()) return fail(Code::invalid_argument, "a request without texts");
  auto request = std::make_shared<Request>();
  for (const TokenSequence& sequence : sequences) request->n_tokens_left += std::ssize(sequence.ids);
  if (request->n_tokens_left > impl_->options.max_tokens) {
    return fail(
        Code::too_large,
        fmt::format("the request has {} tokens, the queue takes {}", request->n_tokens_left, impl_->options.max_tokens),
        "Send fewer texts at a time.");
  }
  request->sequences = std::move(sequences);
  request->done = std::move(done);
  request->submitted = steady_clock::now();
  // Before the request is in the list, so that the engine never sees it half made; fires at once when all is over.
  request->on_gone.emplace(std::move(gone), [impl = impl_.get(), weak = std::weak_ptr(request)] {
    if (const auto held = weak.lock()) impl->engine.cancel(*impl, held);
  });
  std::vector<Slot> slots;
  {
    const std::lock_guard lock(impl_->engine.mutex);
    if (request->ended) return {};
    const WaitingList& waiting = impl_->waiting;
    Status refused;
    if (impl_->engine.draining) {
      refused = fail(Code::unavailable, "the server is shutting down");
    } else if (waiting.n_tokens() + request->n_tokens_left > impl_->options.max_tokens ||
               waiting.n_requests() >= impl_->options.max_requests) {
      refused = fail(Code::overloaded,
                     fmt::format("the queue is full: {} requests with {} tokens are waiting", waiting.n_requests(),
                                 waiting.n_tokens()),
                     "Try again in a moment.");
    }
    if (!refused) {
      request->ended = true;
      return refused;
    }
    // A queue that was idle does not get the time that it did not ask for.
    if (waiting.empty()) impl_->virtual_time = std::max(impl_->virtual_time, impl_->engine.virtual_time);
    const bool here = impl_->engine.takes_short(*impl_, request->n_tokens_left);
    impl_->waiting.push(request);
    if (here)
      slots = impl_->engine.take(*impl_);
    else if (impl_->engine.computing)
      return {};  // whoever computes looks here next
  }
  if (slots.empty()) {
    impl_->engine.work.notify_one();
  } else {
    impl_->engine.compute_here(*impl_, std::move(slots));
  }
  return {};
}

QueueState Queue::state() const {
  const std::lock_guard lock(impl_->engine.mutex);
  return {.waiting_tokens = impl_->waiting.n_tokens(), .waiting_requests = impl_->waiting.n_requests()};
}

const QueueOptions& Queue::options() const {
  return impl_->options;
}

}  // namespace lode::embed
