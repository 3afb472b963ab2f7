// Retrieval: a ranking of the corpus for every query, scored as MTEB and BEIR do.
#include <utility>

#include "eval/evaluation.h"
#include "eval/qrels.h"
#include "eval/retrieval.h"

namespace lode::eval {

Result<TaskResult> evaluate_retrieval(const Task& task, const std::filesystem::path& folder,
                                      const Evaluation& evaluation) {
  LODE_ASSIGN(RetrievalData data, read_retrieval_data(folder, task.split));
  const Settings& settings = evaluation.settings;
  keep_first(data.queries, settings);
  if (settings.titles == Titles::off || (settings.titles == Titles::automatic && !task.titles)) {
    for (Document& document : data.corpus) document.title.clear();
  }
  TaskResult out;
  if (!evaluation.run.empty()) {
    LODE_ASSIGN(TrecRun run, read_trec_run(evaluation.run));
    LODE_ASSIGN(out.run, run_of(data.queries, std::move(run), evaluation.run));
  } else if (evaluation.encoder != nullptr) {
    LODE_ASSIGN(out.run, retrieve_dense(data, evaluation, task));
  } else {
    out.run = retrieve_bm25(data, evaluation.settings.bm25);
  }
  const OwnId own_id = settings.rules == Rules::mteb_v1 ? OwnId::passed_over
                       : task.ignore_identical_ids      ? OwnId::taken_out
                                                        : OwnId::counts;
  cut(data, own_id, out.run);
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
