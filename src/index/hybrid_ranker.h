// What terms and vectors say about files, made into one score. The vectors move files among those that the lexical
// ranker, or they themselves, put first; all others keep the lexical order behind them. Stateless; any thread.
#pragma once

#include <span>
#include <vector>

namespace lode::index {

// Of a file's chunks.
struct DenseEvidence {
  float best = -2;  // cosine with the query; -2: it has no vectors
  float top3 = -2;  // mean of its three best
};
// Below -1: a chunk without a vector.
DenseEvidence dense_evidence(std::span<const float> cosines);

// One score a file, from the ranker's and the vectors'.
std::vector<double> hybrid_scores(std::span<const double> lexical, std::span<const DenseEvidence> dense);

}  // namespace lode::index
