// Several rankings of the same documents made into one. Stateless; any thread.
#pragma once

#include <span>
#include <vector>

namespace lode::index {

// One score a document; all lists score the same documents, at least one list. NaN is no score.
using ScoreLists = std::span<const std::span<const double>>;

// 1 + the number of documents with a greater score: equal scores, equal ranks.
std::vector<double> competition_ranks(std::span<const double> scores);

// Sum over the lists of 1 / (k + rank). Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
// individual Rank Learning Methods", 2009, where k is 60.
std::vector<double> reciprocal_rank_fusion(ScoreLists lists, double k = 60);

// Sum over the lists of (score - mean) / standard deviation; 0 for a list whose scores are all equal.
std::vector<double> standard_score_sum(ScoreLists lists);

}  // namespace lode::index
