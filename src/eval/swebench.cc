#include "eval/swebench.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/parallel.h"
#include "eval/jsonl.h"
#include "eval/packed_trees.h"
#include "index/english_analyzer.h"
#include "text/utf8.h"

namespace lode::eval {
namespace {

// The files that a unified diff changes, as it names them before the change.
std::vector<std::string> changed_files(std::string_view patch) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < patch.size();) {
    const size_t end = std::min(patch.find('\n', begin), patch.size());
    const std::string_view line = patch.substr(begin, end - begin);
    begin = end + 1;
    constexpr std::string_view kBefore = "--- a/";
    if (!line.starts_with(kBefore)) continue;
    std::string path(line.substr(kBefore.size()));
    while (path.ends_with('\r') || path.ends_with('\t')) path.pop_back();
    if (std::ranges::find(out, path) == out.end()) out.push_back(std::move(path));
  }
  return out;
}

std::string file_name_of(std::string_view repo) {
  std::string out(repo);
  if (const size_t slash = out.find('/'); slash != std::string::npos) out.replace(slash, 1, "__");
  return out;
}

std::filesystem::path index_file(const std::filesystem::path& folder, const std::string& name) {
  return folder / (name + ".index.tsv.xz");
}

std::filesystem::path blobs_file(const std::filesystem::path& folder, const std::string& name) {
  return folder / (name + ".blobs.xz");
}

IssueRanking ranked(const Issue& issue, const PackedTrees& trees, const PackedTrees::Tree& tree,
                    const std::vector<double>& scores, size_t n_best) {
  IssueRanking out{
      .id = issue.id, .repo = issue.repo, .gold = issue.gold, .n_candidates = std::ssize(tree.files), .best = {}};
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto path = [&](size_t i) -> const std::string& { return trees.paths()[tree.files[i].path]; };
  n_best = std::min(n_best, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(n_best), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : path(a) < path(b);
  });
  for (size_t i = 0; i < n_best; ++i) out.best.push_back({path(order[i]), scores[order[i]]});
  for (size_t gold = 0; gold < scores.size(); ++gold) {
    if (path(gold) != issue.gold) continue;
    const auto n_above = std::ranges::count_if(scores, [&](double score) { return score > scores[gold]; });
    out.n_tied = std::ranges::count(scores, scores[gold]) - 1;
    out.rank = n_above + out.n_tied + 1;
  }
  return out;
}

class Repository {
 public:
  Repository(const std::filesystem::path& folder, const std::string& repo)
      : index_(index_file(folder, file_name_of(repo))), blobs_(blobs_file(folder, file_name_of(repo))) {}

  Status rank(const std::vector<Issue>& issues, const std::vector<size_t>& which, const SwebenchOptions& options,
              std::vector<IssueRanking>& out) {
    LODE_ASSIGN(const PackedTrees trees, PackedTrees::read(index_));
    index::Lexicon lexicon(&index::english_term);
    index::Postings postings;
    // Texts: the blobs by their numbers, then the paths by theirs.
    LODE_TRY(trees.each_blob(blobs_, [&](uint32_t, std::string_view bytes) {
      const text::utf8::Repaired repaired(bytes);
      postings.add(lexicon.count(repaired.text()));
    }));
    for (const std::string& path : trees.paths()) {
      const text::utf8::Repaired repaired(path);
      postings.add(lexicon.count(repaired.text()));
    }
    postings.finish();

    std::unordered_map<std::string_view, const PackedTrees::Tree*> tree_of;
    for (const PackedTrees::Tree& tree : trees.trees()) tree_of.emplace(tree.name, &tree);
    const auto n_blobs = static_cast<index::TextId>(trees.n_blobs());
    for (const size_t i : which) {
      const auto found = tree_of.find(issues[i].id);
      if (found == tree_of.end()) {
        return fail(Code::not_found, fmt::format("{} has no tree for {}", index_.string(), issues[i].id),
                    "Its base tree is not in the packed data.");
      }
      const PackedTrees::Tree& tree = *found->second;
      std::vector<std::vector<index::TextId>> documents;
      documents.reserve(tree.files.size());
      for (const PackedTrees::File& file : tree.files) documents.push_back({file.blob, n_blobs + file.path});
      const index::Collection collection(postings, documents);
      const text::utf8::Repaired statement(issues[i].statement);
      const std::vector<double> scores = collection.scores(lexicon.count(statement.text()), options.bm25);
      out[i] = ranked(issues[i], trees, tree, scores, options.n_best);
    }
    return {};
  }

  [[nodiscard]] uint64_t n_bytes() const {
    std::error_code error;
    const auto n = std::filesystem::file_size(blobs_, error);
    return error ? 0 : n;
  }

 private:
  std::filesystem::path index_;
  std::filesystem::path blobs_;
};

}  // namespace

Result<std::vector<Issue>> read_issues(const std::filesystem::path& file) {
  std::vector<Issue> out;
  std::set<std::string> ids;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    Issue issue;
    LODE_ASSIGN(issue.id, row.text("instance_id"));
    if (!ids.insert(issue.id).second) {
      return fail(Code::corrupt, fmt::format("{}: the issue {} stands twice", row.where(), issue.id));
    }
    LODE_ASSIGN(issue.repo, row.text("repo"));
    LODE_ASSIGN(issue.statement, row.text("problem_statement"));
    LODE_ASSIGN(const std::string patch, row.text("patch"));
    std::vector<std::string> changed = changed_files(patch);
    if (changed.size() != 1) {
      return fail(Code::corrupt, fmt::format("{}: the patch of {} changes {} files, 1 was expected", row.where(),
                                             issue.id, changed.size()));
    }
    issue.gold = std::move(changed.front());
    out.push_back(std::move(issue));
    return {};
  }));
  return out;
}

std::vector<std::filesystem::path> tree_files(const std::filesystem::path& folder, const std::vector<Issue>& issues) {
  std::set<std::string> repositories;
  for (const Issue& issue : issues) repositories.insert(file_name_of(issue.repo));
  std::vector<std::filesystem::path> out;
  for (const std::string& name : repositories) {
    out.push_back(index_file(folder, name));
    out.push_back(blobs_file(folder, name));
  }
  return out;
}

Result<std::vector<IssueRanking>> rank_by_bm25(const std::filesystem::path& folder, const std::vector<Issue>& issues,
                                               const SwebenchOptions& options) {
  std::map<std::string, std::vector<size_t>> by_repo;
  for (size_t i = 0; i < issues.size(); ++i) by_repo[issues[i].repo].push_back(i);
  struct Job {
    std::string name;
    Repository repository;
    const std::vector<size_t>* which;
  };
  std::vector<Job> jobs;
  for (const auto& [repo, which] : by_repo) jobs.push_back({repo, Repository(folder, repo), &which});
  // The largest first, so that no thread is left with it at the end.
  std::ranges::sort(jobs, std::ranges::greater{}, [](const Job& job) { return job.repository.n_bytes(); });

  std::vector<IssueRanking> out(issues.size());
  std::mutex mutex;
  std::optional<Error> failure;
  ThreadPool pool(std::max(1, options.n_threads));
  pool.for_each(jobs.size(), [&](size_t i, int) {
    {
      const std::lock_guard lock(mutex);
      if (failure) return;
    }
    const Status status = jobs[i].repository.rank(issues, *jobs[i].which, options, out);
    const std::lock_guard lock(mutex);
    if (!status) {
      failure = status.error();
    } else if (options.on_repository && !options.on_repository(jobs[i].name, jobs[i].which->size())) {
      failure = Error{.code = Code::cancelled, .message = "interrupted", .hint = {}};
    }
  });
  if (failure) return std::unexpected(std::move(*failure));
  return out;
}

}  // namespace lode::eval
