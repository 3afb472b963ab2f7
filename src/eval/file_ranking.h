// The candidates of an issue, scored and ranked: by BM25, by vectors, by both. A candidate of the right file's score
// counts as ranked above it. Stateless; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "eval/swebench.h"

namespace lode::eval {

enum class Fusion : unsigned char { reciprocal_ranks, standard_scores };

// An issue's candidates, by path, and a score for each.
struct ScoredFiles {
  std::vector<std::string> paths;
  std::vector<double> scores;
};

struct RankedFile {
  std::string path;
  double score = 0;
};

struct IssueRanking {
  std::string id;
  std::string repo;
  std::string gold;
  int64_t n_candidates = 0;
  int64_t rank = 0;              // of the gold file, from 1; 0: it is no candidate
  int64_t n_tied = 0;            // candidates of its score, without itself
  std::vector<RankedFile> best;  // the first ones, best first, by path where scores are equal
};

IssueRanking ranked(const Issue& issue, const ScoredFiles& files, size_t n_best);

// The first n of a ranking, as indices, ascending.
std::vector<uint32_t> first_files(const ScoredFiles& files, size_t n);

// One score from two lists for the same files.
std::vector<double> fused(const std::vector<double>& bm25, const std::vector<double>& dense, Fusion fusion);

// `top` (indices, one score each) in the order of its own scores, the other files behind them in the order of theirs.
ScoredFiles reordered(const ScoredFiles& files, const std::vector<uint32_t>& top, const std::vector<double>& scores);

}  // namespace lode::eval
