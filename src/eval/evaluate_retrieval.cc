// Retrieval: a ranking of the corpus for every query, scored as MTEB and BEIR do.
#include <utility>

#include "eval/evaluation.h"
#include "eval/qrels.h"
#include "eval/retrieval.h"

namespace lode::eval {

Result<TaskResult> evaluate_retrieval(const Task& task, const std::filesystem::path& folder,
                                      const Evaluation& evaluation) {
  LODE_ASSIGN(const RetrievalData data, read_retrieval_data(folder, task.split));
  TaskResult out;
  if (!evaluation.run.empty()) {
    LODE_ASSIGN(TrecRun run, read_trec_run(evaluation.run));
    LODE_ASSIGN(out.run, run_of(data.queries, std::move(run), evaluation.run));
  } else if (evaluation.encoder != nullptr) {
    LODE_ASSIGN(out.run, retrieve_dense(data, evaluation, task.instruction));
  } else {
    out.run = retrieve_bm25(data, evaluation.settings.bm25);
  }
  LODE_ASSIGN(RetrievalScores scores, score_run(data, out.run));
  out.scores = std::move(scores.mean);
  out.items.item = "query";
  for (const Measure& measure : out.scores) out.items.measures.push_back(measure.name);
  for (size_t q = 0; q < data.queries.size(); ++q) {
    std::vector<double> row;
    for (const Measure& measure : scores.per_query[q]) row.push_back(measure.value);
    out.items.add(data.queries[q].id, row);
  }
  return out;
}

}  // namespace lode::eval
