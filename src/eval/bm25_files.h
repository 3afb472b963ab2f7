// BM25 over the files of issues' trees: a document is a file's path and its whole contents. Repositories are ranked
// side by side, each by one thread, its files counted once however many trees hold them.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/file_ranking.h"
#include "eval/tree_source.h"
#include "index/bm25.h"

namespace lode::eval {

struct Bm25FileOptions {
  index::Bm25Options bm25;
  int n_threads = 1;
  // Called after each repository, from any thread, one call at a time; false ends the ranking with Code::cancelled.
  std::function<bool(std::string_view repo, size_t n_issues)> on_repository{};
};

// In the order of `issues`. Errors: those of open_trees.
Result<std::vector<ScoredFiles>> score_files_by_bm25(const TreeSource& source, const std::vector<Issue>& issues,
                                                     const Bm25FileOptions& options);

}  // namespace lode::eval
