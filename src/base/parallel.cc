#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <sched.h>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "base/control_group.h"
#include "base/error.h"
#include "base/mapped_file.h"

namespace lode {
namespace {

// The gap between two loops of one forward pass is shorter, the gap between two requests is not: a thread that spins on
// takes a core from whoever writes the answer.
constexpr std::chrono::microseconds kSpin{20};

constexpr size_t kMaxQuotaBytes = 256;

// A pause takes 40 to 140 cycles, from one CPU to the next, so a clock ends the wait.
template <class Done>
void spin_until(Done done) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return;
      __builtin_ia32_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

// Whole cores of a group's quota, if it has one. Version 2 has "QUOTA PERIOD" or "max PERIOD" in one file, version 1 a
// file each, with -1 for no quota.
std::optional<int64_t> cores_of(const std::string& folder) {
  const auto text = [&](const char* file) { return read_file(folder + "/" + file, kMaxQuotaBytes).value_or(""); };
  int64_t quota = 0, period = 0;
  for (const std::string& limit : {text("cpu.max"), text("cpu.cfs_quota_us") + " " + text("cpu.cfs_period_us")}) {
    if (std::istringstream(limit) >> quota >> period && quota > 0 && period > 0) return quota / period;
  }
  return std::nullopt;
}

int cores_of_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    const int n = CPU_COUNT(&set);
    if (n > 0) return n;
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

// A worker's part of a loop, [next, end), on cache lines of its own.
struct alignas(128) Share {
  std::atomic<size_t> next{0};
  size_t end = 0;
};

}  // namespace

int available_cores(const std::string& root) {
  int64_t least = cores_of_affinity();
  for (const char* controller : {"", "cpu"}) {
    for (const std::string& folder : control_group_folders(root, controller)) {
      least = std::min(least, cores_of(folder).value_or(least));
    }
  }
  return static_cast<int>(std::max<int64_t>(least, 1));
}

struct ThreadPool::Impl {
  explicit Impl(int n_threads) : shares(static_cast<size_t>(n_threads)) {}

  std::vector<std::jthread> workers;
  std::vector<Share> shares;  // [n_threads], of for_each_by_share
  const std::function<void(int)>* body = nullptr;
  std::atomic<uint32_t> generation{0};  // bumped to start a loop
  std::atomic<uint32_t> running{0};     // workers that have not finished the current loop
  std::atomic<bool> stopping{false};
  bool inside = false;  // the caller is in a loop: a nested loop runs inline
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  // the first of the current loop; written by whoever set `failed`

  [[nodiscard]] bool runs_inline(size_t n) const { return n < 2 || workers.empty() || inside; }

  void call(int worker) noexcept {
    try {
      (*body)(worker);
    } catch (...) {
      if (!failed.exchange(true, std::memory_order_relaxed)) failure = std::current_exception();
    }
  }

  void work(int worker) {
    uint32_t seen = 0;
    for (;;) {
      spin_until([&] { return generation.load(std::memory_order_acquire) != seen; });
      while (generation.load(std::memory_order_acquire) == seen) generation.wait(seen, std::memory_order_acquire);
      ++seen;
      if (stopping.load(std::memory_order_acquire)) return;
      call(worker);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int n_threads) : impl_(std::make_unique<Impl>(n_threads)) {
  LODE_CHECK(n_threads >= 1);
  for (int worker = 1; worker < n_threads; ++worker) {
    impl_->workers.emplace_back([impl = impl_.get(), worker] { impl->work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  impl_->stopping.store(true, std::memory_order_release);
  impl_->generation.fetch_add(1, std::memory_order_acq_rel);
  impl_->generation.notify_all();
}

int ThreadPool::n_threads() const {
  return static_cast<int>(impl_->workers.size()) + 1;
}

void ThreadPool::run(const std::function<void(int)>& body) {
  Impl& pool = *impl_;
  const auto n_workers = static_cast<uint32_t>(pool.workers.size());
  if (n_workers == 0 || pool.inside) {
    for (int worker = 0; worker <= static_cast<int>(n_workers); ++worker) body(worker);
    return;
  }
  pool.inside = true;
  pool.body = &body;
  pool.running.store(n_workers, std::memory_order_release);
  pool.generation.fetch_add(1, std::memory_order_acq_rel);
  pool.generation.notify_all();
  pool.call(0);
  spin_until([&] { return pool.running.load(std::memory_order_acquire) == 0; });
  for (uint32_t left = pool.running.load(std::memory_order_acquire); left != 0;
       left = pool.running.load(std::memory_order_acquire)) {
    pool.running.wait(left, std::memory_order_acquire);
  }
  pool.inside = false;
  if (pool.failed.exchange(false, std::memory_order_relaxed)) {
    std::rethrow_exception(std::exchange(pool.failure, nullptr));
  }
}

void ThreadPool::for_each(size_t n, const std::function<void(size_t, int)>& body) {
  if (impl_->runs_inline(n)) {
    for (size_t i = 0; i < n; ++i) body(i, 0);
    return;
  }
  std::atomic<size_t> next{0};
  run([&](int worker) {
    for (size_t i = next.fetch_add(1, std::memory_order_relaxed); i < n;
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      body(i, worker);
    }
  });
}

void ThreadPool::for_each_by_share(size_t n, const std::function<void(size_t, int)>& body) {
  if (impl_->runs_inline(n)) {
    for (size_t i = 0; i < n; ++i) body(i, 0);
    return;
  }
  std::vector<Share>& shares = impl_->shares;
  const size_t n_shares = shares.size();
  for (size_t i = 0; i < n_shares; ++i) {
    shares[i].next.store(n * i / n_shares, std::memory_order_relaxed);
    shares[i].end = n * (i + 1) / n_shares;
  }
  run([&](int worker) {
    for (size_t turn = 0; turn < n_shares; ++turn) {
      Share& share = shares[(static_cast<size_t>(worker) + turn) % n_shares];
      // Looked at first: adding to what all others have emptied takes the line from each of them.
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const size_t i = share.next.fetch_add(1, std::memory_order_relaxed);
        if (i < share.end) body(i, worker);
      }
    }
  });
}

}  // namespace lode
