#include "eval/judged_ranking.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace lode::eval {

void sort_hits(std::vector<Hit>& hits) {
  std::ranges::sort(hits,
                    [](const Hit& a, const Hit& b) { return a.score != b.score ? a.score > b.score : a.doc > b.doc; });
}

Result<JudgedRanking> judge(std::vector<Hit> hits, std::span<const Judgement> judgements) {
  JudgedRanking ranking;
  std::unordered_map<std::string_view, int32_t> level_of;
  level_of.reserve(judgements.size());
  for (const Judgement& judgement : judgements) {
    if (judgement.level > kMaxLevel) {
      return fail(Code::invalid_argument, fmt::format("the document {} is judged {}, at most {} was expected",
                                                      judgement.doc, judgement.level, kMaxLevel));
    }
    if (!level_of.emplace(judgement.doc, judgement.level).second) {
      return fail(Code::invalid_argument, fmt::format("the document {} is judged twice for one query", judgement.doc));
    }
    if (judgement.level < 0) continue;
    const auto level = static_cast<size_t>(judgement.level);
    if (ranking.n_at_level.size() <= level) ranking.n_at_level.resize(level + 1);
    ++ranking.n_at_level[level];
    if (judgement.level >= 1) ++ranking.n_relevant;
  }

  for (const Hit& hit : hits) {
    if (hit.score != hit.score) {
      return fail(Code::invalid_argument, fmt::format("the score of the document {} is not a number", hit.doc));
    }
  }
  sort_hits(hits);
  ranking.levels.reserve(hits.size());
  std::unordered_set<std::string_view> seen;
  seen.reserve(hits.size());
  for (const Hit& hit : hits) {
    if (!seen.insert(hit.doc).second) {
      return fail(Code::invalid_argument, fmt::format("the document {} is retrieved twice for one query", hit.doc));
    }
    const auto found = level_of.find(hit.doc);
    if (found == level_of.end()) {
      ++ranking.n_not_in_pool;
      ranking.levels.push_back(JudgedRanking::kNotInPool);
    } else if (found->second < 0) {
      ++ranking.n_unjudged;
      ranking.levels.push_back(JudgedRanking::kUnjudged);
    } else {
      if (found->second >= 1) ++ranking.n_relevant_retrieved;
      ranking.levels.push_back(found->second);
    }
  }
  return ranking;
}

}  // namespace lode::eval
