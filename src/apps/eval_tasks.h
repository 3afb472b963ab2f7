// What `lode eval` is asked to evaluate, and what it could: names and groups of the registry against a folder of data
// sets.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/folder_task.h"
#include "eval/located_task.h"

namespace lode::apps {

struct EvalSelection {
  std::vector<eval::LocatedTask> tasks;
  std::vector<std::unique_ptr<eval::FolderTask>> folders;  // own the names of tasks given by path
  std::vector<std::string_view> absent;                    // of a group, without data
};

// Names of tasks and of groups, each task once, in the order given, and paths of data sets. A task that is named must
// have its data; of a group those are taken that have. Errors: invalid_argument for an unknown name and for two tasks
// of one name, not_found.
Result<EvalSelection> select_tasks(const std::vector<std::string>& names, const std::filesystem::path& data,
                                   eval::Rules rules);

// The tasks that are known, or those of these names and groups, with their kind, main score, data and the score that
// NV-Embed-v1's card has. `data` empty: nothing is looked for. Errors: invalid_argument for an unknown name.
Result<std::string> list_tasks(const std::vector<std::string>& names, const std::filesystem::path& data,
                               eval::Rules rules, bool json);

// The last lines of a table as the cards have them: the mean by kind and over all, for each of the lists that tasks of
// the table belong to, and how many of the list's tasks it is made of. Nothing for fewer than two tasks.
class EvalAverages {
 public:
  void add(const eval::Task& task, double score);
  [[nodiscard]] std::string rows() const;

 private:
  struct Entry {
    eval::Task task;
    double score;
  };
  std::vector<Entry> entries_;
};

}  // namespace lode::apps
