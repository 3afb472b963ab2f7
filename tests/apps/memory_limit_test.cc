#include "apps/memory_limit.h"

#include <gtest/gtest.h>

#include "../base/temporary.h"

namespace lode::apps {
namespace {

constexpr const char* kMeminfo = "MemTotal:       16000 kB\nMemFree:         1 kB\n";

TEST(MemoryLimit, IsTheMachinesWhereNothingElseSays) {
  const test::TemporaryFolder root;
  root.write("proc/meminfo", kMeminfo);
  const MemoryLimit limit = memory_limit(root.path().string());
  EXPECT_EQ(limit.n_bytes, 16000 * 1024);
  EXPECT_EQ(limit.source, "the machine's memory");
}

TEST(MemoryLimit, IsTheLeastOfAGroupAndThoseAboveIt) {
  const test::TemporaryFolder root;
  root.write("proc/meminfo", kMeminfo);
  root.write("proc/self/cgroup", "0::/system.slice/lode.service\n");
  root.write("sys/fs/cgroup/system.slice/lode.service/memory.max", "max\n");
  root.write("sys/fs/cgroup/system.slice/memory.max", "5000000\n");
  root.write("sys/fs/cgroup/memory.max", "9000000\n");
  const MemoryLimit limit = memory_limit(root.path().string());
  EXPECT_EQ(limit.n_bytes, 5000000);
  EXPECT_EQ(limit.source, "the control group's limit");
}

TEST(MemoryLimit, InsideAContainerTheGroupIsTheRoot) {
  const test::TemporaryFolder root;
  root.write("proc/meminfo", kMeminfo);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "7000000\n");
  EXPECT_EQ(memory_limit(root.path().string()).n_bytes, 7000000);
}

TEST(MemoryLimit, ReadsTheOlderGroupsToo) {
  const test::TemporaryFolder root;
  root.write("proc/meminfo", kMeminfo);
  root.write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a/b\n");
  root.write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3000000\n");
  EXPECT_EQ(memory_limit(root.path().string()).n_bytes, 3000000);
}

}  // namespace
}  // namespace lode::apps
