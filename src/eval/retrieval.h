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

inline constexpr size_t kRetrieved = 1000;           // documents of a query that are scored
inline constexpr size_t kSearched = kRetrieved + 1;  // that are found: one may be the query itself

// Cosine of all pairs, exactly.
Result<Run> retrieve_dense(const RetrievalData& data, const Evaluation& evaluation, const Task& task);
// Documents that share a term with the query.
Run retrieve_bm25(const RetrievalData& data, const index::Bm25Options& options);

// Which document of a query's own id is no answer: none; one that MTEB 1 passes over, so that kRetrieved others are
// scored; one that MTEB 2 takes out of the kRetrieved.
enum class OwnId : unsigned char { counts, passed_over, taken_out };

// Leaves what is scored.
void cut(const RetrievalData& data, OwnId own_id, Run& run);

struct RetrievalScores {
  std::vector<Measure> mean;                    // over queries, by MTEB's names: "ndcg_at_10"
  std::vector<std::vector<Measure>> per_query;  // in the order of data.queries
};

// nDCG, MAP, recall, precision and MRR at 1, 3, 5, 10, 20, 100 and 1000.
Result<RetrievalScores> score_run(const RetrievalData& data, const Run& run);

}  // namespace lode::eval
