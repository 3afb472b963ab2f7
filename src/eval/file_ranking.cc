#include "eval/file_ranking.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "index/rank_fusion.h"

namespace lode::eval {
namespace {

// The first n, best first.
std::vector<size_t> best_first(const ScoredFiles& files, size_t n) {
  std::vector<size_t> order(files.scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  n = std::min(n, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(n), [&](size_t a, size_t b) {
    return files.scores[a] != files.scores[b] ? files.scores[a] > files.scores[b] : files.paths[a] < files.paths[b];
  });
  order.resize(n);
  return order;
}

}  // namespace

IssueRanking ranked(const Issue& issue, const ScoredFiles& files, size_t n_best) {
  const std::vector<double>& scores = files.scores;
  IssueRanking out{
      .id = issue.id, .repo = issue.repo, .gold = issue.gold, .n_candidates = std::ssize(scores), .best = {}};
  for (const size_t i : best_first(files, n_best)) out.best.push_back({files.paths[i], scores[i]});
  for (size_t gold = 0; gold < scores.size(); ++gold) {
    if (files.paths[gold] != issue.gold) continue;
    const auto n_above = std::ranges::count_if(scores, [&](double score) { return score > scores[gold]; });
    out.n_tied = std::ranges::count(scores, scores[gold]) - 1;
    out.rank = n_above + out.n_tied + 1;
  }
  return out;
}

std::vector<uint32_t> first_files(const ScoredFiles& files, size_t n) {
  std::vector<uint32_t> out;
  for (const size_t i : best_first(files, n)) out.push_back(static_cast<uint32_t>(i));
  std::ranges::sort(out);
  return out;
}

std::vector<double> fused(const std::vector<double>& bm25, const std::vector<double>& dense, Fusion fusion) {
  const std::array<std::span<const double>, 2> lists = {bm25, dense};
  return fusion == Fusion::reciprocal_ranks ? index::reciprocal_rank_fusion(lists) : index::standard_score_sum(lists);
}

ScoredFiles reordered(const ScoredFiles& files, const std::vector<uint32_t>& top, const std::vector<double>& scores) {
  if (top.empty()) return files;
  ScoredFiles out = files;
  // Below the lowest of the top by 1 and by what they are apart from the best of all.
  const double floor = std::ranges::min(scores) - 1, best = std::ranges::max(files.scores);
  for (double& score : out.scores) score = floor - (best - score);
  for (size_t i = 0; i < top.size(); ++i) out.scores[top[i]] = scores[i];
  return out;
}

}  // namespace lode::eval
