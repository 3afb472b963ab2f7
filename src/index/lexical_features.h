// What speaks for each file of a tree, for one query: a row of features a file. Those that measure are scaled to 0..1
// within the query's files, so that one linear weighting serves queries of all lengths. Stateless; any thread, where
// the source is that thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "index/lexical_source.h"
#include "index/path_evidence.h"
#include "index/query_parts.h"

namespace lode::index {

// Their names, in the order of a row's values.
std::span<const std::string_view> feature_names();

struct FileFeatures {
  std::vector<float> values;        // [tree.size(), feature_names().size()]
  std::vector<uint8_t> matched;     // [tree.size()]: something of the query is in the file, its path or its names
  std::vector<PathEvidence> paths;  // [tree.size()]
  std::vector<float> chunk_scores;  // [source chunks]: by the whole query's BM25
  std::vector<float> chunk_names;   // [source chunks]: by the query's terms in names that it defines
  std::vector<std::pair<std::string, float>> terms;  // the query's, with their idf; 0: nowhere
};

FileFeatures lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths,
                              const QueryParts& query);

}  // namespace lode::index
