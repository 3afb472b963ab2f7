#include "eval/lexical_files.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/parallel.h"
#include "index/lexical_corpus.h"
#include "index/linear_ranker.h"

namespace lode::eval {
namespace {

Status read_repository(const TreeSource& source, const std::vector<Issue>& issues, const std::vector<size_t>& which,
                       std::mutex& mutex, const OnFeatures& visit) {
  LODE_ASSIGN(const std::unique_ptr<Trees> trees, open_trees(source, issues, which));
  std::vector<uint32_t> path_of(trees->n_blobs());
  for (const Trees::Tree& tree : trees->trees()) {
    for (const Trees::File& file : tree.files) path_of[file.blob] = file.path;
  }
  index::LexicalCorpus corpus;
  LODE_TRY(trees->each_blob(
      [&](uint32_t blob, std::string_view bytes) { corpus.add(trees->paths()[path_of[blob]], bytes); }));
  corpus.finish();
  for (const size_t i : which) {
    std::vector<std::string> paths;
    std::vector<index::ContentId> contents;
    for (const Trees::File& file : trees->find(issues[i].id)->files) {
      paths.push_back(trees->paths()[file.path]);
      contents.push_back(file.blob);
    }
    const index::FileTree tree(corpus, paths, std::move(contents));
    const index::PathIndex path_index(tree);
    const index::FileFeatures features =
        index::lexical_features(corpus, tree, path_index, index::take_apart(issues[i].statement));
    const std::lock_guard lock(mutex);
    visit(i, paths, features);
  }
  return {};
}

}  // namespace

Status each_features(const TreeSource& source, const std::vector<Issue>& issues, const LexicalFileOptions& options,
                     const OnFeatures& visit) {
  struct Job {
    std::string repo;
    uint64_t n_bytes = 0;
    std::vector<size_t> which;
  };
  std::vector<Job> jobs;
  for (auto& [repo, which] : by_repository(issues)) jobs.push_back({repo, packed_bytes(source, repo), which});
  // The largest first, so that no thread is left with it at the end.
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
    const Status status = read_repository(source, issues, jobs[i].which, mutex, visit);
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

Result<std::vector<ScoredFiles>> score_files_lexically(const TreeSource& source, const std::vector<Issue>& issues,
                                                       const LexicalFileOptions& options) {
  std::vector<ScoredFiles> out(issues.size());
  LODE_TRY(each_features(source, issues, options,
                         [&](size_t i, const std::vector<std::string>& paths, const index::FileFeatures& features) {
                           out[i] = {.paths = paths, .scores = index::LinearRanker::built_in().scores(features.values)};
                         }));
  return out;
}

}  // namespace lode::eval
