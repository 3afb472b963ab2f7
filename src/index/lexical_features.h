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

#include "index/lexical_scores.h"
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
  std::vector<std::pair<std::string, float>> terms;  // the query's, with their idf; 0: nowhere

  // Of a chunk: by the whole query's BM25, and by the query's terms in names that it defines; and the most of each.
  [[nodiscard]] float text_score(ChunkId chunk) const { return scores.chunks[chunk][0]; }
  [[nodiscard]] float names_score(ChunkId chunk) const { return scores.defining_chunks[chunk][0]; }
  float most_text = 0, most_names = 0;

  LexicalScores scores;  // what the rest was made from; its first query is the whole one
};

FileFeatures lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths,
                              const QueryParts& query);
// The same in the memory of a query before, of this source and tree.
void lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths, const QueryParts& query,
                      FileFeatures& out);

}  // namespace lode::index
