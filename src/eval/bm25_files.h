// BM25 over the files of issues' trees: a document is a file's path and its whole contents. A repository's
// files are counted once however many trees hold them.
#pragma once

#include <vector>

#include "base/error.h"
#include "eval/each_repository.h"
#include "eval/file_ranking.h"
#include "eval/tree_source.h"
#include "index/bm25.h"

namespace lode::eval {

// In the order of `issues`. Errors: those of open_trees.
Result<std::vector<ScoredFiles>> score_files_by_bm25(const TreeSource& source, const std::vector<Issue>& issues,
                                                     const index::Bm25Options& bm25 = {},
                                                     const RepositoryOptions& options = {});

}  // namespace lode::eval
