// The table that `lode eval` prints, a row a task while they are evaluated. Scores are times 100. A task whose data
// stand in for others bears "*", one over a part of its data "+"; notes under the table say of what. Main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "apps/eval_report.h"
#include "eval/located_task.h"

namespace lode::apps {

class EvalTable {
 public:
  explicit EvalTable(const std::vector<eval::LocatedTask>& tasks);

  [[nodiscard]] std::string header() const;
  std::string row(const EvalReport& report);
  // What the marks of the rows mean.
  [[nodiscard]] const std::string& notes() const { return notes_; }

 private:
  size_t name_width_ = 38;  // the means below have long names too
  size_t measure_width_ = 7;
  std::string notes_;
};

}  // namespace lode::apps
