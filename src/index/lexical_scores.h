// BM25 of a tree's files and of their chunks, for several queries in one pass over the postings. A file is its chunks
// end to end; terms are those of the source. Stateless; any thread, where the source is that thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "index/chunk_set.h"
#include "index/lexical_source.h"

namespace lode::index {

// A value a query.
inline constexpr size_t kMostQueries = 4;
using ByQuery [[gnu::vector_size(sizeof(float) * kMostQueries)]] = float;

// The terms of the queries, each with its weight in each.
struct WeightedTerm {
  std::string term;
  ByQuery weights{};
  bool is_name = false;  // it looks like a name
};

struct LexicalOptions {
  double file_k1 = 0.9, file_b = 0.4;
  double second_k1 = 2, second_b = 0.75;  // a second look at files
  double chunk_k1 = 0.9, chunk_b = 0.4;
  double defining_k1 = 1;
};

struct LexicalScores {
  std::vector<ByQuery> files;   // by file
  std::vector<float> second;    // by file, of the first query alone
  std::vector<float> names;     // by file: its share of each name's occurrences in the tree, summed by idf
  std::vector<ByQuery> chunks;  // by chunk; 0 for those of no file
  // By chunk, of the first query's terms as if each stood there once: the summed idf of those that it holds, and BM25.
  struct Once {
    float idf = 0;
    float bm25 = 0;
  };
  std::vector<Once> once;
  // The same of the names that they define (terms with kDefinedMark).
  std::vector<ByQuery> defining_files;
  std::vector<ByQuery> defining_chunks;
  std::vector<float> idfs;       // by term, over the tree's chunks; 0 for one that none holds
  std::vector<float> file_idfs;  // the same over its files
  ChunkSet scored;               // all other chunks are 0 everywhere
};

// What `out` held before is written over, in its memory.
void lexical_scores(LexicalSource& source, const FileTree& tree, std::span<const WeightedTerm> terms,
                    const LexicalOptions& options, LexicalScores& out);

}  // namespace lode::index
