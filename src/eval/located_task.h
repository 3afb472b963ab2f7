// A task together with where its data lie. Reads the file system only; any thread.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "eval/rules.h"
#include "eval/tasks.h"

namespace lode::eval {

// `task` is the registry's row as it holds for these data and rules: split, train_split, main_score and stand_in are
// those to go by.
struct LocatedTask {
  Task task;
  std::filesystem::path folder;
};

// The task as it lies in that folder, with the main score of these rules.
LocatedTask located_by(Rules rules, const Task& task, const std::filesystem::path& folder);

// `data`: the folder of data sets. A task's own folder (its name or an alias, as written or in lower case) goes before
// what stands in for it. Errors: not_found with every folder that was looked for.
Result<LocatedTask> locate(const Task& task, const std::filesystem::path& data, Rules rules);

}  // namespace lode::eval
