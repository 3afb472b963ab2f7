// Retrieval tasks: a ranking of the corpus for every query, and its scores as MTEB and BEIR report them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/evaluation.h"
#include "eval/retrieval_data.h"
#include "eval/task_result.h"
#include "eval/trec_measures.h"
#include "index/bm25.h"

namespace lode::eval {

inline constexpr size_t kRetrieved = 1000;  // documents of a query that are scored

// Cosine of all pairs, exactly. `task`: what the queries' instruction says.
Result<Run> retrieve_dense(const RetrievalData& data, const Evaluation& evaluation, std::string_view task);
// Documents that share a term with the query.
Run retrieve_bm25(const RetrievalData& data, const index::Bm25Options& options);

struct RetrievalScores {
  std::vector<Measure> mean;                    // over queries, by MTEB's names: "ndcg_at_10"
  std::vector<std::vector<Measure>> per_query;  // in the order of data.queries
};

// nDCG, MAP, recall, precision and MRR at 1, 3, 5, 10, 20, 100 and 1000.
Result<RetrievalScores> score_run(const RetrievalData& data, const Run& run);

}  // namespace lode::eval
