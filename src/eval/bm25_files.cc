#include "eval/bm25_files.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "index/english_analyzer.h"
#include "text/utf8.h"

namespace lode::eval {
namespace {

Status score_repository(const TreeSource& source, const std::vector<Issue>& issues, const std::vector<size_t>& which,
                        const index::Bm25Options& options, std::vector<ScoredFiles>& out) {
  LODE_ASSIGN(const std::unique_ptr<Trees> trees, open_trees(source, issues, which));
  index::Lexicon lexicon(&index::english_terms);
  index::Postings postings;
  // Texts: the blobs by their numbers, then the paths by theirs.
  LODE_TRY(trees->each_blob([&](uint32_t, std::string_view bytes) {
    const text::utf8::Repaired repaired(bytes);
    postings.add(lexicon.count(repaired.text()));
  }));
  for (const std::string& path : trees->paths()) {
    const text::utf8::Repaired repaired(path);
    postings.add(lexicon.count(repaired.text()));
  }
  postings.finish();

  const auto n_blobs = static_cast<index::TextId>(trees->n_blobs());
  for (const size_t i : which) {
    const Trees::Tree& tree = *trees->find(issues[i].id);
    std::vector<std::vector<index::TextId>> documents;
    documents.reserve(tree.files.size());
    for (const Trees::File& file : tree.files) {
      documents.push_back({file.blob, n_blobs + file.path});
      out[i].paths.push_back(trees->paths()[file.path]);
    }
    const index::Collection collection(postings, documents);
    const text::utf8::Repaired statement(issues[i].statement);
    out[i].scores = collection.scores(lexicon.count(statement.text()), options);
  }
  return {};
}

}  // namespace

Result<std::vector<ScoredFiles>> score_files_by_bm25(const TreeSource& source, const std::vector<Issue>& issues,
                                                     const Bm25FileOptions& options) {
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

  std::vector<ScoredFiles> out(issues.size());
  std::mutex mutex;
  std::optional<Error> failure;
  ThreadPool pool(std::max(1, options.n_threads));
  pool.for_each(jobs.size(), [&](size_t i, int) {
    {
      const std::lock_guard lock(mutex);
      if (failure) return;
    }
    const Status status = score_repository(source, issues, jobs[i].which, options.bm25, out);
    const std::lock_guard lock(mutex);
    if (!status) {
      failure = status.error();
    } else if (options.on_repository && !options.on_repository(jobs[i].repo, jobs[i].which.size())) {
      failure = Error{.code = Code::cancelled, .message = "interrupted", .hint = {}};
    }
  });
  if (failure) return std::unexpected(std::move(*failure));
  return out;
}

}  // namespace lode::eval
