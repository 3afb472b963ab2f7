// Two results side by side as an SVG picture: for each task the two scores with their 95 % intervals, and the
// difference of every item, sorted. It follows the reader's light or dark scheme, has no script, and every text in it
// is escaped. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "eval/comparison.h"

namespace lode::apps {

struct ComparedTask {
  std::string task;
  std::string measure;
  std::string item;  // what a row is: "query"
  std::vector<std::string> ids;
  eval::Comparison result;
  double p_holm = 1;  // over all tasks that are compared together

  // Scores up to 1 are shown times 100, others (ranks) as they are.
  [[nodiscard]] double scale() const;
};

std::string comparison_chart(const std::vector<ComparedTask>& tasks, const std::string& first_name,
                             const std::string& second_name);

}  // namespace lode::apps
