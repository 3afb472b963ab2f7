// SWE-bench Lite as file retrieval.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/swebench.h"

namespace lode::eval {
namespace {

constexpr std::array<int64_t, 9> kCuts = {1, 2, 3, 5, 10, 20, 50, 100, 200};

TaskResult result_of(const std::vector<IssueRanking>& rankings) {
  TaskResult out;
  out.items.item = "issue";
  for (const int64_t cut : kCuts) {
    const auto n_found = std::ranges::count_if(
        rankings, [&](const IssueRanking& ranking) { return ranking.rank > 0 && ranking.rank <= cut; });
    out.scores.push_back(
        {fmt::format("recall_at_{}", cut), static_cast<double>(n_found) / static_cast<double>(rankings.size())});
    out.items.measures.push_back(out.scores.back().name);
  }
  out.items.measures.insert(out.items.measures.end(), {"rank", "n_tied", "n_candidates"});
  for (const IssueRanking& ranking : rankings) {
    std::vector<double> row;
    for (const int64_t cut : kCuts) row.push_back(ranking.rank > 0 && ranking.rank <= cut ? 1 : 0);
    for (const int64_t n : {ranking.rank, ranking.n_tied, ranking.n_candidates}) row.push_back(static_cast<double>(n));
    out.items.add(ranking.id, row);
    std::vector<Retrieved> hits;
    for (const RankedFile& file : ranking.best) hits.push_back({file.path, static_cast<float>(file.score)});
    out.run.push_back(std::move(hits));
  }
  return out;
}

}  // namespace

Result<TaskResult> evaluate_swebench(const Task& task, const std::filesystem::path& folder,
                                     const Evaluation& evaluation) {
  if (evaluation.encoder != nullptr) {
    return fail(Code::unsupported, fmt::format("{} is ranked by BM25 only so far", task.name), "Use --model bm25.");
  }
  LODE_ASSIGN(auto issues, read_issues(data_file(folder, std::string(task.split) + ".jsonl")));
  keep_first(issues, evaluation.settings);
  SwebenchOptions options{.bm25 = evaluation.settings.bm25, .n_threads = evaluation.settings.n_threads};
  size_t n_done = 0;
  if (evaluation.on_progress) {
    options.on_repository = [&](std::string_view, size_t n_issues) {
      n_done += n_issues;
      return evaluation.on_progress("issues", n_done, issues.size());
    };
  }
  LODE_ASSIGN(const auto rankings, rank_by_bm25(folder / "corpus", issues, options));
  TaskResult out = result_of(rankings);
  out.files = tree_files(folder / "corpus", issues);  // which other threads opened
  return out;
}

}  // namespace lode::eval
