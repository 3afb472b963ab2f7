// What terms and vectors say about files, made into one score. The vectors move files among those that the lexical
// ranker, or they themselves, put first; all others keep the lexical order. Stateless; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lode::index {

inline constexpr size_t kHybridFiles = 20;  // the lexical ranker's first ones, which vectors may move
inline constexpr size_t kHybridChunks = 5;  // a file's cosine is the mean of so many of its best chunks
inline constexpr double kNoCosine = -2;     // of what has no vector

// Of a file's chunks; kNoCosine where none has a vector (below -1).
double file_cosine(std::span<const float> chunks);

// One score a file, from the ranker's and the files' cosines.
std::vector<double> hybrid_scores(std::span<const double> lexical, std::span<const double> cosines);

}  // namespace lode::index
