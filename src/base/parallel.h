// A fixed pool of threads for data-parallel loops. One caller at a time runs loops on a pool (the engine thread); a
// loop inside a loop runs inline. Nothing a body computes may depend on which worker ran it. Workers spin briefly
// between loops, then sleep.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace lode {

// Cores this process may keep busy, at least one: those of its affinity, and no more than whole ones of its control
// groups' CPU quota (`docker run --cpus`, a limit of Kubernetes): a thread beyond them stops all others that wait for
// it. `root` stands in front of /proc and /sys.
int available_cores(const std::string& root = "");

class ThreadPool {
 public:
  explicit ThreadPool(int n_threads);  // n_threads - 1 workers; the caller is the last
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int n_threads() const;

  // body(worker) once on every worker 0..n_threads-1, all at the same time; returns when all are done. What a body
  // throws is thrown here then, the first of it where several do.
  void run(const std::function<void(int worker)>& body);

  // body(i, worker) for i in [0, n), on any worker, taken one at a time, in order.
  void for_each(size_t n, const std::function<void(size_t i, int worker)>& body);

  // The same, but each worker takes its own share of [0, n) first, in order, and then what others have left of theirs.
  // Loops over the same rows so find them in the cache of the core that wrote them. For bodies that take equally long.
  void for_each_by_share(size_t n, const std::function<void(size_t i, int worker)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode
