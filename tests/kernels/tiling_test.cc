// How products are cut into tasks: everything once, evenly, and as many tasks for one thread as for the others.
#include "kernels/tiling.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace lode::kernels {
namespace {

TEST(Tasks, CoverEveryRowOfEveryPanelOnce) {
  for (const int64_t rows : {1, 12, 128, 171, 192, 193, 513, 2048}) {
    for (const int64_t panels : {1, 2, 3, 24, 64, 897}) {
      for (const int threads : {1, 2, 3, 8}) {
        for (const auto& [unit, blocks] :
             {std::pair{1, kRoundedRows}, std::pair{2, kPlainRows}, std::pair{2, kUnpackedRows}}) {
          const Tasks tasks(rows, panels, threads, 4096, unit, blocks);
          EXPECT_LE(tasks.block_rows(), blocks.most);
          std::vector<int> seen(static_cast<size_t>(rows * panels));
          for (size_t i = 0; i < tasks.size(); ++i) {
            const Tasks::Task task = tasks[i];
            EXPECT_EQ(task.first_panel % unit, 0);
            EXPECT_LT(task.first_panel, task.last_panel);
            EXPECT_LE(task.last_panel - task.first_panel, tasks.panels_per_task());
            EXPECT_LE(task.n_rows, tasks.block_rows());
            for (int64_t panel = task.first_panel; panel < task.last_panel; ++panel) {
              for (int64_t row = task.row0; row < task.row0 + task.n_rows; ++row) {
                ++seen[static_cast<size_t>(panel * rows + row)];
              }
            }
          }
          EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << rows << " rows, " << panels << " panels, " << threads;
        }
      }
    }
  }
}

TEST(Tasks, AreAsManyForEachThreadAndDifferByAUnitOfPanelsAndARowAtMost) {
  for (const int64_t rows : {128, 512, 2048}) {
    for (const int64_t panels : {64, 256, 897}) {
      for (const int threads : {2, 6, 8}) {
        const Tasks tasks(rows, panels, threads, 4096, 2);
        EXPECT_EQ(tasks.size() % static_cast<size_t>(threads), 0U) << rows << ", " << panels << ", " << threads;
        std::set<int64_t> n_panels, n_rows;
        for (size_t i = 0; i < tasks.size(); ++i) {
          n_panels.insert(ceil_div(tasks[i].last_panel - tasks[i].first_panel, 2));
          n_rows.insert(tasks[i].n_rows);
        }
        EXPECT_LE(*n_panels.rbegin() - *n_panels.begin(), 1);
        EXPECT_LE(*n_rows.rbegin() - *n_rows.begin(), 1);
      }
    }
  }
}

// A thread's share of the tasks, as ThreadPool::for_each_by_share cuts them, is whole blocks of rows, one after
// another.
TEST(Tasks, OfAThreadAreWholeBlocksOfRowsWhereThereAreEnough) {
  for (const int64_t rows : {512, 1100, 2048}) {
    for (const int threads : {1, 2, 3}) {
      const Tasks tasks(rows, 256, threads, 4096, 2);
      EXPECT_EQ(tasks.row_blocks.n_parts % threads, 0) << rows << ", " << threads;
      const size_t share = tasks.size() / static_cast<size_t>(threads);
      for (size_t i = 1; i < tasks.size(); ++i) {
        const bool starts = tasks[i].first_panel == 0;
        EXPECT_EQ(tasks[i].row0 != tasks[i - 1].row0, starts);
        EXPECT_EQ(tasks[i].first_panel, starts ? 0 : tasks[i - 1].last_panel);
        EXPECT_TRUE(starts || i % share != 0) << rows << ", " << threads;
      }
    }
  }
}

TEST(Tasks, OfFewRowsAreSharedOutByRowsWhereEachThreadGetsEnough) {
  const auto n_blocks = [](int64_t rows, int threads, BlockRows blocks) {
    return Tasks(rows, 256, threads, 4096, 2, blocks).row_blocks.n_parts;
  };
  EXPECT_EQ(n_blocks(128, 2, kRoundedRows), 2);
  EXPECT_EQ(n_blocks(112, 2, kRoundedRows), 2);
  EXPECT_EQ(n_blocks(111, 2, kRoundedRows), 1);
  EXPECT_EQ(n_blocks(448, 8, kRoundedRows), 8);
  EXPECT_EQ(n_blocks(440, 8, kRoundedRows), 3);
  EXPECT_EQ(n_blocks(128, 2, kPlainRows), 1);
  EXPECT_EQ(n_blocks(512, 2, kUnpackedRows), 1);
}

TEST(FetchPace, BringsAllLinesAndAtMostTwiceAsMany) {
  for (const int64_t steps : {1, 8, 48, 96, 1000, 1024}) {
    for (const int64_t lines : {1, 3, 5, 47, 205}) {
      const int64_t pace = fetch_pace(steps, lines);
      int64_t come = 0;
      for (int64_t i = 0; i < steps; ++i) come += (i & pace) == 0 ? 1 : 0;
      EXPECT_GE(come, std::min(lines, steps)) << steps << ", " << lines;
      EXPECT_LE(come, std::max(steps / lines, int64_t{1}) == 1 ? steps : 2 * lines) << steps << ", " << lines;
    }
    EXPECT_GE(fetch_pace(steps, 0), 0);
  }
}

TEST(PanelBias, IsTheBiasItselfOrOneWithZerosBehindIt) {
  const std::vector<float> bias = {1, 2, 3, 4, 5, 6};
  PanelBias of;
  of.take(bias.data(), 0, 4, 4);
  EXPECT_EQ(of.values(), bias.data());
  of.take(bias.data(), 4, 2, 4);
  EXPECT_EQ(std::vector<float>(of.values(), of.values() + 4), (std::vector<float>{5, 6, 0, 0}));
  of.take(bias.data(), 5, 1, 4);
  EXPECT_EQ(std::vector<float>(of.values(), of.values() + 4), (std::vector<float>{6, 0, 0, 0}));
  PanelBias none;
  none.take(nullptr, 4, 2, 4);
  EXPECT_EQ(std::vector<float>(none.values(), none.values() + 4), std::vector<float>(4));
}

}  // namespace
}  // namespace lode::kernels
