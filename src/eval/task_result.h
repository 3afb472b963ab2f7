// What evaluating one task gives: its scores, what they are made of, and for rankings the run. Plain data; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/trec_measures.h"

namespace lode::eval {

struct Retrieved {
  std::string document;  // its id
  float score = 0;
};
using Run = std::vector<std::vector<Retrieved>>;  // by query, best first

// One row for each query, issue, experiment or set: what paired comparisons are made on.
struct ItemScores {
  std::string item;                   // what a row is: "query", "issue", "experiment" ...
  std::vector<std::string> ids;       // of the rows
  std::vector<std::string> measures;  // of the columns
  std::vector<double> values;         // [ids, measures]

  void add(std::string id, const std::vector<double>& row) {
    ids.push_back(std::move(id));
    values.insert(values.end(), row.begin(), row.end());
  }
};

struct TaskResult {
  std::vector<Measure> scores;               // by MTEB's names, 0 to 1 (correlations -1 to 1)
  ItemScores items;                          // may be empty
  Run run;                                   // of items.ids, in their order; empty: the task is no ranking
  std::vector<std::filesystem::path> files;  // of the data set, which were read: a result is good for their contents
  // The settings that decided what came out, where a kind of task has any: name, value.
  std::vector<std::pair<std::string, std::string>> settings;
};

// NaN where the result has no score of that name.
double score_of(const TaskResult& result, std::string_view name);

}  // namespace lode::eval
