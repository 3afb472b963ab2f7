// Semantic textual similarity: pairs of texts with a human score. Plain data; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct ScoredPair {
  std::string first;
  std::string second;
  double score = 0;
};

// A .jsonl with "score" and "s1", "s2" or "sentence1", "sentence2" (MTEB's names). Errors: corrupt, naming the row.
Result<std::vector<ScoredPair>> read_scored_pairs(const std::filesystem::path& file);

}  // namespace lode::eval
