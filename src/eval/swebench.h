// SWE-bench as file retrieval: which file does an issue's patch change? The candidates of an issue are its repository's
// non-test Python files at the base commit and the query is the whole problem statement
// (swebench/inference/make_datasets/bm25_retrieval.py). One file is right. Stateless; any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct Issue {
  std::string id;    // "django__django-11099"
  std::string repo;  // "django/django"
  std::string base_commit;
  std::string statement;
  std::string gold;  // the path that the patch changes
};

// A .jsonl of instances as SWE-bench publishes them. Errors: corrupt for a row without its fields, for a repository
// that is not OWNER/NAME and for a patch that changes no file, or several.
Result<std::vector<Issue>> read_issues(const std::filesystem::path& file);

// A .jsonl of {instance_id, repo, base_commit, query, gold}: texts of any kind and the one file that each led to.
// Errors: corrupt.
Result<std::vector<Issue>> read_located_queries(const std::filesystem::path& file);

// Which issues a repository has, as indices.
std::map<std::string, std::vector<size_t>> by_repository(const std::vector<Issue>& issues);

// *.py without a word test, tests or testing in its path, words as space, `_`, `/` and `.` cut them, in any letter
// case.
bool is_candidate(std::string_view path);

}  // namespace lode::eval
