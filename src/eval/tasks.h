// The tasks that are known by name: one row a task. Where a row's data is not the set that the published score of that
// name was measured on, `stand_in` says so and every table repeats it.
#pragma once

#include <span>
#include <string_view>

namespace lode::eval {

enum class TaskKind : unsigned char { retrieval, sts, swebench };
std::string_view kind_name(TaskKind kind);

struct Task {
  std::string_view name;  // as the field writes it
  TaskKind kind;
  std::string_view folder;      // in the folder of data sets
  std::string_view split;       // file or split in it
  std::string_view main_score;  // of its scores
  // What NV-Embed's and its relatives' queries say they want: instructions.json beside the published weights.
  std::string_view instruction;
  std::string_view stand_in;  // empty: the very set
};

std::span<const Task> tasks();
// In any letter case; null for an unknown name.
const Task* find_task(std::string_view name);

}  // namespace lode::eval
