#include "eval/train_ranker.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/parallel.h"
#include "eval/jsonl.h"

namespace lode::eval {
namespace {

void count(RankerScores& scores, size_t rank) {
  ++scores.n;
  scores.n_first += rank <= 1;
  scores.n_first_5 += rank <= 5;
  scores.n_first_10 += rank <= 10;
  scores.mrr += 1.0 / static_cast<double>(rank);
}

void finish(RankerScores& scores) {
  if (scores.n > 0) scores.mrr /= static_cast<double>(scores.n);
}

}  // namespace

bool RankerData::has_several_repositories() const {
  return std::ranges::any_of(instances, [&](const RankerInstance& one) { return one.repo != instances.front().repo; });
}

Result<RankerData> read_ranker_instances(const std::filesystem::path& folder, const RepositoryOptions& options) {
  LODE_ASSIGN(const std::vector<Issue> issues, read_located_queries(data_file(folder, "instances.jsonl")));
  std::vector<std::optional<RankerInstance>> read(issues.size());
  const TreeSource source{.packed = folder / "corpus", .clones = {}};
  LODE_TRY(each_features(source, issues, options,
                         [&](size_t i, const std::vector<std::string>& paths, const index::FileFeatures& features) {
                           const auto right = std::ranges::find(paths, issues[i].gold);
                           if (right == paths.end()) return;
                           read[i] = {
                               .repo = issues[i].repo,
                               .list = {.rows = features.values, .right = static_cast<size_t>(right - paths.begin())}};
                         }));
  RankerData out;
  for (size_t i = 0; i < read.size(); ++i) {
    if (read[i]) {
      out.instances.push_back(*std::move(read[i]));
    } else if (out.n_lost++ == 0) {
      out.first_lost = fmt::format("{} ({})", issues[i].id, issues[i].gold);
    }
  }
  if (out.instances.empty()) {
    return fail(Code::not_found, fmt::format("{}: no instance's right file is among its candidates", folder.string()));
  }
  return out;
}

Result<std::vector<double>> fit_ranker(const std::vector<RankerInstance>& instances, size_t n_features,
                                       const ListwiseOptions& options) {
  std::vector<const RankedList*> lists;
  for (const RankerInstance& instance : instances) lists.push_back(&instance.list);
  return fit_listwise(lists, n_features, options);
}

Result<CrossValidation> cross_validate(std::vector<RankerInstance>& instances, size_t n_features,
                                       const std::vector<size_t>& without, const ListwiseOptions& options,
                                       int n_threads) {
  std::map<std::string, std::vector<const RankedList*>> by_repo;
  for (const RankerInstance& instance : instances) by_repo[instance.repo].push_back(&instance.list);
  if (by_repo.size() < 2) {
    return fail(Code::invalid_argument, "a single repository cannot be ranked by what others teach");
  }
  // A feature without weight is one of value 0.
  std::vector<std::vector<float>> kept;
  for (RankerInstance& instance : instances) {
    if (without.empty()) break;
    kept.push_back(instance.list.rows);
    for (size_t at = 0; at < instance.list.rows.size(); at += n_features) {
      for (const size_t feature : without) instance.list.rows[at + feature] = 0;
    }
  }
  CrossValidation out;
  for (const auto& [repo, lists] : by_repo) out.repositories.emplace_back(repo, RankerScores{});
  std::mutex mutex;
  std::optional<Error> failure;
  ThreadPool pool(std::max(1, n_threads));
  pool.for_each(out.repositories.size(), [&](size_t i, int) {
    auto& [repo, scores] = out.repositories[i];
    std::vector<const RankedList*> others;
    for (const auto& [other, lists] : by_repo) {
      if (other != repo) others.insert(others.end(), lists.begin(), lists.end());
    }
    const auto weights = fit_listwise(others, n_features, options);
    if (!weights) {
      const std::lock_guard lock(mutex);
      failure = weights.error();
      return;
    }
    for (const RankedList* list : by_repo.at(repo)) count(scores, rank_of_right(*list, *weights));
  });
  for (size_t i = 0; i < kept.size(); ++i) instances[i].list.rows = std::move(kept[i]);
  if (failure) return std::unexpected(*std::move(failure));
  for (auto& [repo, scores] : out.repositories) {
    out.all.n += scores.n;
    out.all.n_first += scores.n_first;
    out.all.n_first_5 += scores.n_first_5;
    out.all.n_first_10 += scores.n_first_10;
    out.all.mrr += scores.mrr;
    finish(scores);
  }
  finish(out.all);
  return out;
}

}  // namespace lode::eval
