// Results that `lode eval --out` kept, found and read again for comparing. What is read may have been made by anyone:
// it is checked, and the rows must be those that the result names by their SHA-256. Main thread only.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "eval/task_result.h"

namespace lode::apps {

struct StoredResult {
  std::string task;
  std::string model;
  std::string revision;
  std::string main_score;
  std::string rules;
  std::string item;                                       // what a row is: "query"
  std::vector<std::pair<std::string, std::string>> data;  // files of the data set and their SHA-256; empty: not known
  std::filesystem::path items;                            // TASK.items.jsonl; empty: the result has none
  std::string items_sha256;                               // "": not known
};

// `path` is a folder with results at any depth, one TASK.json or one TASK.items.jsonl (what lies beside it says the
// rest). By the names of their tasks. Errors: not_found for a path without results; invalid_argument for two results of
// one task; corrupt.
Result<std::vector<StoredResult>> find_results(const std::filesystem::path& path);

// The rows. Errors: not_found where the result has none, corrupt naming the row.
Result<eval::ItemScores> read_items(const StoredResult& result);

}  // namespace lode::apps
