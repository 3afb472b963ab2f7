// A reranking task's data: queries, each with candidates of which some are right. Plain data; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct Candidate {
  std::string id;
  std::string text;
  int32_t level = 0;  // 1 and more: right
};

struct RerankingQuery {
  std::string id;
  std::vector<std::string> forms;  // the texts of one query; a candidate is as near as to the nearest of them
  std::vector<Candidate> candidates;
};

// Either SPLIT.jsonl with rows of "query" (a string, or a list of forms), "positive" or "positives", and "negative" or
// "negatives", whose ids are then MTEB's (positives after negatives where scores are equal); or the files of a
// retrieval task with top_ranked.jsonl beside them: "query-id" and "corpus-ids". `has_forms`: queries whose ids agree
// up to the last underscore are forms of one (MindSmall). Queries without a right or without a wrong candidate are left
// out, as MTEB does. Errors: not_found naming what is missing; corrupt, naming the row or the id.
Result<std::vector<RerankingQuery>> read_reranking_data(const std::filesystem::path& folder, std::string_view split,
                                                        bool has_forms);

}  // namespace lode::eval
