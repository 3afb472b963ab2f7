// The lexical features of the files of issues' trees. Each distinct file of a repository is read once however many
// trees hold it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "eval/each_repository.h"
#include "eval/file_ranking.h"
#include "eval/tree_source.h"
#include "index/lexical_features.h"

namespace lode::eval {

// Called with an issue's number, the paths of its candidates and their features, from any thread, one call at a time.
using OnFeatures =
    std::function<void(size_t issue, const std::vector<std::string>& paths, const index::FileFeatures& features)>;

// Errors: those of open_trees.
Status each_features(const TreeSource& source, const std::vector<Issue>& issues, const RepositoryOptions& options,
                     const OnFeatures& visit);

// The built-in ranker's scores, in the order of `issues`.
Result<std::vector<ScoredFiles>> score_files_lexically(const TreeSource& source, const std::vector<Issue>& issues,
                                                       const RepositoryOptions& options);

}  // namespace lode::eval
