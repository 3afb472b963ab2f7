#include "base/parallel.h"

#include <atomic>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "temporary.h"

namespace lode {
namespace {

TEST(ThreadPool, RunCallsEveryWorkerOnce) {
  for (const int n : {1, 2, 5}) {
    ThreadPool pool(n);
    ASSERT_EQ(pool.n_threads(), n);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> calls(static_cast<size_t>(n), 0);
      pool.run([&](int worker) { ++calls[static_cast<size_t>(worker)]; });
      ASSERT_EQ(calls, std::vector<int>(static_cast<size_t>(n), 1));
    }
  }
}

TEST(ThreadPool, ForEachTakesEveryIndexOnce) {
  ThreadPool pool(3);
  for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{1000}}) {
    for (const auto loop : {&ThreadPool::for_each, &ThreadPool::for_each_by_share}) {
      std::vector<std::atomic<int>> calls(n);
      (pool.*loop)(n, [&](size_t i, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, 3);
        ++calls[i];
      });
      for (const auto& c : calls) EXPECT_EQ(c.load(), 1);
    }
  }
}

// All take their first index before any takes its second.
TEST(ThreadPool, ForEachByShareStartsEveryWorkerAtItsOwnShare) {
  constexpr int kThreads = 3;
  ThreadPool pool(kThreads);
  for (const size_t n : {size_t{3}, size_t{4}, size_t{100}}) {
    std::vector<std::atomic<size_t>> first(kThreads);
    for (auto& x : first) x = n;
    std::atomic<int> started = 0;
    pool.for_each_by_share(n, [&](size_t i, int worker) {
      auto& mine = first[static_cast<size_t>(worker)];
      if (mine != n) return;
      mine = i;
      ++started;
      while (started != kThreads) std::this_thread::yield();
    });
    for (size_t worker = 0; worker < kThreads; ++worker) EXPECT_EQ(first[worker], n * worker / kThreads);
  }
}

TEST(ThreadPool, ForEachByShareTakesWhatASlowWorkerLeaves) {
  ThreadPool pool(2);
  std::atomic<int> taken = 0;
  pool.for_each_by_share(100, [&](size_t i, int) {
    ++taken;
    while (i == 0 && taken != 100) std::this_thread::yield();
  });
  EXPECT_EQ(taken, 100);
}

TEST(ThreadPool, ALoopInsideALoopRunsInline) {
  ThreadPool pool(2);
  std::atomic<int> calls = 0;
  pool.run([&](int) { pool.for_each(10, [&](size_t, int) { ++calls; }); });
  EXPECT_EQ(calls.load(), 20);
}

TEST(ThreadPool, WhatABodyThrowsReachesTheCallerWhenAllAreDone) {
  ThreadPool pool(3);
  for (const size_t thrower : {size_t{0}, size_t{17}, size_t{99}}) {
    for (const auto loop : {&ThreadPool::for_each, &ThreadPool::for_each_by_share}) {
      std::atomic<int> calls = 0;
      EXPECT_THROW((pool.*loop)(100,
                                [&](size_t i, int) {
                                  ++calls;
                                  if (i == thrower) throw std::bad_alloc();
                                }),
                   std::bad_alloc);
      EXPECT_EQ(calls.load(), 100);  // the other workers took the rest
    }
  }
  EXPECT_THROW(pool.run([](int) { throw std::bad_alloc(); }), std::bad_alloc);
  std::atomic<int> calls = 0;
  pool.run([&](int) { ++calls; });
  EXPECT_EQ(calls.load(), 3);
}

TEST(ThreadPool, AWorkerThatSleptWakesUp) {
  ThreadPool pool(2);
  int sum = 0;
  for (int round = 0; round < 3; ++round) {
    struct timespec pause = {0, 20'000'000};
    nanosleep(&pause, nullptr);
    std::atomic<int> calls = 0;
    pool.run([&](int) { ++calls; });
    sum += calls;
  }
  EXPECT_EQ(sum, 6);
}

TEST(ThreadPool, ThereIsAtLeastOneCore) {
  EXPECT_GE(available_cores(), 1);
}

TEST(ThreadPool, AQuotaCountsByWholeCores) {
  const int all = available_cores(test::TemporaryFolder().path().string());
  const test::TemporaryFolder root;
  root.write("proc/self/cgroup", "0::/pods/lode\n");
  root.write("sys/fs/cgroup/pods/lode/cpu.max", "max 100000\n");
  EXPECT_EQ(available_cores(root.path().string()), all);
  root.write("sys/fs/cgroup/pods/cpu.max", "190000 100000\n");  // of the group above
  EXPECT_EQ(available_cores(root.path().string()), 1);
  root.write("sys/fs/cgroup/pods/cpu.max", "20000 100000\n");  // less than a core
  EXPECT_EQ(available_cores(root.path().string()), 1);
  root.write("sys/fs/cgroup/pods/cpu.max", "900000000 100000\n");  // more than there are
  EXPECT_EQ(available_cores(root.path().string()), all);
}

TEST(ThreadPool, AQuotaOfAnOlderGroupCountsToo) {
  const int all = available_cores(test::TemporaryFolder().path().string());
  const test::TemporaryFolder root;
  root.write("proc/self/cgroup", "3:memory:/\n2:cpu,cpuacct:/docker/a\n");
  root.write("sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(available_cores(root.path().string()), all);
  root.write("sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(available_cores(root.path().string()), 1);
}

TEST(ThreadPool, GroupsThatCannotBeReadAreNoLimit) {
  const int all = available_cores(test::TemporaryFolder().path().string());
  const test::TemporaryFolder root;
  for (const char* content : {"", "max", "100000", "-5 100000", "100000 0", "\xff\xfe", "99999999999999999999 1"}) {
    root.write("proc/self/cgroup", "0::/a\n");
    root.write("sys/fs/cgroup/a/cpu.max", content);
    EXPECT_EQ(available_cores(root.path().string()), all) << content;
  }
  root.write("proc/self/cgroup", "not a table\n::\n:");
  EXPECT_EQ(available_cores(root.path().string()), all);
}

}  // namespace
}  // namespace lode
