// What `lode eval` prints and keeps of a task: a row of the table, a JSON object, and in a folder one file of scores
// and one ranking as a TREC run.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "eval/task_result.h"
#include "eval/tasks.h"

namespace lode::apps {

struct EvalReport {
  const eval::Task& task;
  const eval::TaskResult& result;
  std::string model;
  double seconds = 0;
  size_t limit = 0;  // of a part of the data only, the first so many result.items; 0: all
};

std::string eval_table_header();
// A row, and one more where the data stand in for others.
std::string eval_table_row(const EvalReport& report);
// One object on one line, or on several.
std::string eval_json(const EvalReport& report, bool pretty);
// TASK.json, and TASK.trec for a ranking. The folder exists. Errors: io.
Status keep_eval(const std::filesystem::path& folder, const EvalReport& report);

}  // namespace lode::apps
