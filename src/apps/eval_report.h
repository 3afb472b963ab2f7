// What is known of a task once it is evaluated, and the object that `lode eval --json` prints of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "apps/eval_model.h"
#include "eval/evaluation.h"
#include "eval/task_result.h"
#include "eval/tasks.h"

namespace lode::apps {

struct EvalReport {
  const eval::Task& task;
  eval::TaskResult result;
  const EvalModel& model;
  eval::Rules rules = eval::Rules::mteb_v1;
  size_t limit = 0;  // of a part of the data only, the first so many result.items; 0: all
  double seconds = 0;
  std::filesystem::path data;  // the folder that the data set's lies in

  [[nodiscard]] double main_score() const { return score_of(result, task.main_score); }
};

// "mteb-v1"
std::string_view rules_name(eval::Rules rules);

// The split's name as MTEB has it: "test" of "stsb_test".
std::string split_name(const eval::Task& task);

// One object on one line.
std::string eval_json(const EvalReport& report);

}  // namespace lode::apps
