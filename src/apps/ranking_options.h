// The options of `lode eval` that say what ranks: the model, BM25 or both, and how files are ranked for an issue.
#pragma once

#include <cstddef>
#include <string>

#include <CLI/App.hpp>

#include "eval/evaluation.h"

namespace lode::apps {

struct RankingOptions {
  std::string mode;  // empty: dense, or bm25 where that is the model
  std::string pool = "max";
  std::string fusion = "rrf";
  std::string repos;
  size_t rerank = 0;
  size_t best_chunks = 0;
  index::ChunkOptions chunks;

  // Errors: invalid_argument for what does not go together, not_found.
  [[nodiscard]] Status apply(bool without_model, eval::Settings& settings) const;
};

void add_ranking_options(CLI::App& app, RankingOptions& options);

}  // namespace lode::apps
