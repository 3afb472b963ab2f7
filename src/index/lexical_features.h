// What speaks for each file of a tree, for one query: a row of features a file. Those that measure are scaled to 0..1
// within the query's files, so that one linear weighting serves queries of all lengths. Stateless; any thread, where
// the source is that thread's.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "index/lexical_source.h"
#include "index/path_evidence.h"
#include "index/query_parts.h"

namespace lode::index {

// Their names, in the order of a row's values.
std::span<const std::string_view> feature_names();

struct FileFeatures {
  std::vector<float> values;         // [tree.size(), feature_names().size()]
  std::vector<ChunkId> best_chunks;  // [tree.size()]: of most BM25; of no meaning for a file without one
  std::vector<float> chunk_scores;   // [source chunks]
};

FileFeatures lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths,
                              const QueryParts& query);

}  // namespace lode::index
