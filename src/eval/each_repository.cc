#include "eval/each_repository.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/parallel.h"

namespace lode::eval {

Status each_repository(const TreeSource& source, const std::vector<Issue>& issues, const RepositoryOptions& options,
                       const std::function<Status(const std::vector<size_t>& which)>& work) {
  struct Job {
    std::string repo;
    uint64_t n_bytes = 0;
    std::vector<size_t> which;
  };
  std::vector<Job> jobs;
  for (auto& [repo, which] : by_repository(issues)) jobs.push_back({repo, packed_bytes(source, repo), which});
  std::ranges::sort(jobs, std::ranges::greater{},
                    [](const Job& job) { return std::pair(job.n_bytes, job.which.size()); });

  std::mutex mutex;
  std::optional<Error> failure;
  ThreadPool pool(std::max(1, options.n_threads));
  pool.for_each(jobs.size(), [&](size_t i, int) {
    {
      const std::lock_guard lock(mutex);
      if (failure) return;
    }
    const Status status = work(jobs[i].which);
    const std::lock_guard lock(mutex);
    if (!status) {
      failure = status.error();
    } else if (options.on_repository && !options.on_repository(jobs[i].repo, jobs[i].which.size())) {
      failure = Error{.code = Code::cancelled, .message = "interrupted", .hint = {}};
    }
  });
  if (failure) return std::unexpected(std::move(*failure));
  return {};
}

}  // namespace lode::eval
