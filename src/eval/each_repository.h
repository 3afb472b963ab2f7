// Work on the repositories of some issues, side by side, each by one thread, the largest first, so that no thread is
// left with it at the end.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/tree_source.h"

namespace lode::eval {

struct RepositoryOptions {
  int n_threads = 1;
  // Called after each repository, from any thread, one call at a time; false ends the work with Code::cancelled.
  std::function<bool(std::string_view repo, size_t n_issues)> on_repository{};
};

// `work` is told which issues a repository has, as indices, from any thread. Errors: the first of `work`, after which
// no other repository is begun.
Status each_repository(const TreeSource& source, const std::vector<Issue>& issues, const RepositoryOptions& options,
                       const std::function<Status(const std::vector<size_t>& which)>& work);

}  // namespace lode::eval
