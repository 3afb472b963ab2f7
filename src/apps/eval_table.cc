#include "apps/eval_table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lode::apps {

EvalTable::EvalTable(const std::vector<eval::LocatedTask>& tasks) {
  constexpr size_t kMarks = 2;
  for (const eval::LocatedTask& located : tasks) {
    name_width_ = std::max(name_width_, located.task.name.size() + kMarks);
    measure_width_ = std::max(measure_width_, located.task.main_score.size());
  }
}

std::string EvalTable::header() const {
  return fmt::format("{:<{}} {:>7}  {:<{}}  {:<19} {:>8}  {}\n", "TASK", name_width_, "SCORE", "MEASURE",
                     measure_width_, "KIND", "SECONDS", "MODEL");
}

std::string EvalTable::row(const EvalReport& report) {
  const eval::Task& task = report.task;
  std::string name(task.name);
  if (!task.stand_in.empty()) {
    name += '*';
    notes_ += fmt::format("* {} is a stand-in: {}\n", task.name, task.stand_in);
  }
  if (report.limit > 0) {
    name += '+';
    notes_ += fmt::format("+ {}: not the score of this task, --limit {}, counted by {}\n", task.name, report.limit,
                          report.result.items.item);
  }
  if (!report.result.settings.empty()) {
    notes_ += fmt::format("{}:", task.name);
    for (const auto& [setting, value] : report.result.settings) notes_ += fmt::format(" {} {}", setting, value);
    notes_ += '\n';
  }
  const double score = report.main_score();
  return fmt::format("{:<{}} {:>7}  {:<{}}  {:<19} {:>8.1f}  {}\n", name, name_width_,
                     std::isnan(score) ? "-" : fmt::format("{:.2f}", 100 * score), task.main_score, measure_width_,
                     eval::kind_name(task.kind), report.seconds, report.model.name);
}

}  // namespace lode::apps
