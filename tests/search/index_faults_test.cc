// Killed, out of space, without permission, damaged: the index is whole or says what to do.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../base/temporary.h"
#include "indexed_folder.h"
#include "search/database.h"
#include "search/index_file.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;
using test::dump;
using test::read_all;
using test::root_of;
using test::TemporaryFolder;
using test::update;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;

// Files of a few functions; `seed` makes them others.
void write_tree(const TemporaryFolder& work, unsigned seed, int n_files) {
  std::mt19937 dice(seed);
  for (int i = 0; i < n_files; ++i) {
    std::string text;
    for (unsigned f = 0; f < 3; ++f) {
      text += "def function_" + std::to_string(dice() % 50) + "(a):\n";
      for (unsigned line = 0; line < 8; ++line) text += "    word" + std::to_string(dice() % 300) + " = a\n";
    }
    work.write("tree/d" + std::to_string(i % 7) + "/f" + std::to_string(i) + ".py", text);
  }
}

// What a process of its own ends with: its exit code, or minus the signal.
int in_process(const std::function<int()>& body, std::chrono::microseconds life = std::chrono::microseconds::max()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  if (life != std::chrono::microseconds::max()) {
    std::this_thread::sleep_for(life);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(IndexFaults, AKilledRunLeavesWhatItCommitted) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const fs::path index = work.path() / "index";
  IndexingOptions options;
  options.batch_bytes = 5000;
  std::mt19937 dice(7);
  int n_killed = 0;
  std::chrono::microseconds whole{};
  for (unsigned round = 0; round < 12; ++round) {
    write_tree(work, round / 3, 120);
    if (round % 3 == 0) {
      const auto start = std::chrono::steady_clock::now();
      const TemporaryFolder other;
      ASSERT_TRUE(update(folder, other.path() / "index", options));
      whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    }
    const std::chrono::microseconds life(dice() % static_cast<unsigned>(whole.count()));
    n_killed += static_cast<int>(in_process([&] { return update(folder, index, options) ? 0 : 1; }, life) == -SIGKILL);
    if (!fs::exists(index_file(index))) continue;
    const auto reader = IndexReader::open(index, root_of(folder));
    if (!reader) {
      // Killed before the first commit.
      EXPECT_TRUE(reader.error().code == Code::not_found) << reader.error().line();
      continue;
    }
    const auto seen = dump(**reader);
    ASSERT_TRUE(seen) << seen.error().line();
    EXPECT_EQ(*Database::open(index_file(index), Database::Access::read)
                   ->integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
              0);
  }
  EXPECT_GE(n_killed, 4);
  ASSERT_TRUE(update(folder, index));
  ASSERT_TRUE(update(folder, work.path() / "fresh"));
  EXPECT_EQ(*dump(folder, index), *dump(folder, work.path() / "fresh"));
}

TEST(IndexFaults, AFullDiskIsAnErrorThatSaysSoAndLeavesTheIndexAsItWas) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const fs::path index = work.path() / "index";
  write_tree(work, 1, 40);
  ASSERT_TRUE(update(folder, index));
  const auto before = dump(folder, index);
  write_tree(work, 2, 400);
  const auto limited = [&](rlim_t n_bytes) {
    return in_process([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{n_bytes, n_bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      const auto report = update(folder, index);
      if (report) return 0;
      return report.error().code == Code::io && report.error().hint.contains("--index") ? 11 : 12;
    });
  };
  for (const rlim_t n_bytes : {40'000, 100'000, 200'000}) {
    EXPECT_EQ(limited(n_bytes), 11) << n_bytes;
    const auto after = dump(folder, index);
    ASSERT_TRUE(after) << after.error().line();
    EXPECT_EQ(*after, *before);
  }
  ASSERT_TRUE(update(folder, index));
  ASSERT_TRUE(update(folder, work.path() / "fresh"));
  EXPECT_EQ(*dump(folder, index), *dump(folder, work.path() / "fresh"));
}

TEST(IndexFaults, WhereNothingMayBeWrittenSearchReadsAndIndexSaysWhatToDo) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const fs::path index = work.path() / "index";
  write_tree(work, 1, 10);
  ASSERT_TRUE(update(folder, index));
  const auto before = dump(folder, index);
  fs::permissions(work.path(), fs::perms(0755));
  fs::permissions(index_file(index), fs::perms(0444));
  fs::permissions(index / "lock", fs::perms(0444));
  fs::permissions(index, fs::perms(0555));
  const int ended = in_process([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 20;
    const auto seen = dump(folder, index);
    if (!seen) std::fprintf(stderr, "%s\n", seen.error().line().c_str());
    if (!seen || *seen != *before) return 21;
    const auto report = update(folder, index);
    if (report || report.error().code != Code::permission || !report.error().hint.contains("--index")) return 22;
    return 0;
  });
  fs::permissions(index, fs::perms(0755));
  EXPECT_EQ(ended, 0);
}

TEST(IndexFaults, ASecondWriterWaitsAndThenNamesTheFirst) {
  const TemporaryFolder work;
  const fs::path index = work.path() / "index";
  work.write("tree/a", "x");
  {
    const auto first = IndexWriter::open(index, {});
    ASSERT_TRUE(first);
    const auto start = std::chrono::steady_clock::now();
    const auto second = IndexWriter::open(index, {.patience = std::chrono::milliseconds(150)});
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(150));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::unavailable);
    EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid()) + " "));
  }
  EXPECT_TRUE(update(work.path() / "tree", index));
}

TEST(IndexFaults, AnotherVersionOrAnotherFileSaysWhatToDo) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const fs::path index = work.path() / "index";
  work.write("tree/a", "words");
  EXPECT_EQ(dump(folder, index).error().code, Code::not_found);
  ASSERT_TRUE(update(folder, index));
  const auto spoil = [&](const char* sql) {
    ASSERT_TRUE(Database::open(index_file(index), Database::Access::write)->run(sql));
  };
  const auto expect_refused = [&](Code code) {
    for (const Error& error : {dump(folder, index).error(), update(folder, index).error()}) {
      EXPECT_EQ(error.code, code) << error.line();
      EXPECT_THAT(error.hint, HasSubstr(code == Code::unsupported ? "--rebuild" : "index"));
    }
  };
  spoil("PRAGMA user_version=99");
  expect_refused(Code::unsupported);
  ASSERT_TRUE(update(folder, index, {}, {.rebuild = true}));
  ASSERT_TRUE(dump(folder, index));
  spoil("DROP TABLE files; CREATE VIEW files AS SELECT 1 AS root");
  expect_refused(Code::corrupt);
  std::ofstream(index_file(index), std::ios::trunc) << "these are no tables, but more than a hundred bytes of them, "
                                                       "so that they might be taken for a header of an SQLite file";
  expect_refused(Code::corrupt);
  ASSERT_TRUE(update(folder, index, {}, {.rebuild = true}));
  EXPECT_TRUE(dump(folder, index));
}

TEST(IndexFaults, ADamagedFileIsNeverTheEndOfTheProcess) {
  const TemporaryFolder work;
  const fs::path folder = work.path() / "tree";
  const fs::path index = work.path() / "index";
  write_tree(work, 3, 60);
  ASSERT_TRUE(update(folder, index));
  write_tree(work, 4, 20);
  ASSERT_TRUE(update(folder, index));
  const std::string whole = read_all(index_file(index));
  std::mt19937 dice(11);
  int n_told = 0;
  const int n_rounds = 150;
  for (int round = 0; round < n_rounds; ++round) {
    std::string damaged = whole;
    if (round % 5 == 0) {
      damaged.resize(dice() % damaged.size());
    } else {
      for (unsigned i = 0; i <= dice() % 60; ++i) {
        char& byte = damaged[dice() % damaged.size()];
        byte = static_cast<char>(static_cast<unsigned>(byte) ^ 1U << dice() % 8);
      }
    }
    std::ofstream(index_file(index), std::ios::binary | std::ios::trunc) << damaged;
    for (const char* ending : {"-wal", "-shm"}) fs::remove(index_file(index).string() + ending);
    const auto seen = dump(folder, index);
    const auto report = update(folder, index);
    n_told += static_cast<int>(!seen || !report);
    for (const Error* error : {seen ? nullptr : &seen.error(), report ? nullptr : &report.error()}) {
      if (error == nullptr) continue;
      EXPECT_TRUE(error->code == Code::corrupt || error->code == Code::not_found || error->code == Code::unsupported ||
                  error->code == Code::io)
          << error->line();
    }
  }
  EXPECT_GT(n_told, n_rounds / 2);
  ASSERT_TRUE(update(folder, index, {}, {.rebuild = true}));
  EXPECT_TRUE(dump(folder, index));
}

}  // namespace
}  // namespace lode::search
