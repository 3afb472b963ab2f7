// BM25 of a tree's files and of their chunks, for several queries in one pass over the postings. A file is its chunks
// end to end; terms are those of the source. Stateless; any thread, where the source is that thread's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "index/lexical_source.h"

namespace lode::index {

// The terms of the queries, each with its weight in each.
inline constexpr size_t kMostQueries = 4;
struct WeightedTerm {
  std::string term;
  std::array<float, kMostQueries> weights{};
};

struct LexicalOptions {
  double file_k1 = 0.9, file_b = 0.4;
  double chunk_k1 = 0.9, chunk_b = 0.4;
  double defining_k1 = 1;
};

struct LexicalScores {
  size_t n_queries = 0;
  std::vector<float> files;   // [tree.size(), n_queries]
  std::vector<float> chunks;  // [source chunks, n_queries]; 0 for those of no file
  std::vector<float> hits;    // by chunk: the summed idf of the first query's terms that it holds
  // The same of the names that they define (terms with kDefinedMark).
  std::vector<float> defining_files;   // [tree.size(), n_queries]
  std::vector<float> defining_chunks;  // [source chunks, n_queries]
  std::vector<float> idfs;             // by term, over the tree's chunks; 0 for one that none holds
};

LexicalScores lexical_scores(LexicalSource& source, const FileTree& tree, std::span<const WeightedTerm> terms,
                             size_t n_queries, const LexicalOptions& options);

}  // namespace lode::index
