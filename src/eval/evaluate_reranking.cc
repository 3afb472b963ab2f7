// Reranking: given candidates, do the right ones come first?
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "eval/binary_scores.h"
#include "eval/evaluation.h"
#include "eval/pair_scores.h"
#include "eval/reranking_data.h"
#include "eval/retrieval.h"

namespace lode::eval {
namespace {

constexpr std::string_view kOverForms = "max_over_subqueries_";

// A query's candidates with the cosine to its nearest form. forms: [n, dims], candidates: [n, dims].
std::vector<Retrieved> scored(const RerankingQuery& query, std::span<const float> forms,
                              std::span<const float> candidates, size_t dims) {
  std::vector<Retrieved> out;
  for (size_t c = 0; c < query.candidates.size(); ++c) {
    const double best = greatest_cosine(candidates.subspan(c * dims, dims), forms);
    out.push_back({query.candidates[c].id, static_cast<float>(best)});
  }
  return out;
}

// MTEB 1: scikit-learn's average precision, in which candidates of equal score come in together, and the reciprocal
// rank of the first right one among ten.
void score_by_v1(const std::vector<RerankingQuery>& queries, TaskResult& out) {
  out.scores = {{"map", 0}, {"mrr", 0}};
  for (size_t q = 0; q < queries.size(); ++q) {
    std::vector<double> scores;
    std::vector<uint8_t> labels;
    for (size_t c = 0; c < queries[q].candidates.size(); ++c) {
      scores.push_back(out.run[q][c].score);
      labels.push_back(queries[q].candidates[c].level > 0 ? 1 : 0);
    }
    std::vector<size_t> order(scores.size());
    for (size_t c = 0; c < order.size(); ++c) order[c] = c;
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t c) { return scores[c]; });
    double reciprocal = 0;
    for (size_t rank = 0; rank < std::min<size_t>(10, order.size()) && reciprocal == 0; ++rank) {
      if (labels[order[rank]] != 0) reciprocal = 1 / static_cast<double>(rank + 1);
    }
    const double precision = average_precision_score(scores, labels);
    out.items.add(queries[q].id, {precision, reciprocal});
    out.scores[0].value += precision / static_cast<double>(queries.size());
    out.scores[1].value += reciprocal / static_cast<double>(queries.size());
  }
  out.items.measures = {"map", "mrr"};
}

// MTEB 2: the measures of retrieval, of the candidates alone.
Status score_by_v2(const std::vector<RerankingQuery>& queries, bool has_forms, TaskResult& out) {
  RetrievalData data;
  for (const RerankingQuery& query : queries) {
    Query judged{.id = query.id, .text = {}, .judged = {}};
    for (const Candidate& candidate : query.candidates) judged.judged.emplace_back(candidate.id, candidate.level);
    data.queries.push_back(std::move(judged));
  }
  LODE_ASSIGN(RetrievalScores scores, score_run(data, out.run));
  out.scores = std::move(scores.mean);
  for (Measure& measure : out.scores) {
    if (has_forms) measure.name.insert(0, kOverForms);
    out.items.measures.push_back(measure.name);
  }
  for (size_t q = 0; q < queries.size(); ++q) {
    std::vector<double> row;
    for (const Measure& measure : scores.per_query[q]) row.push_back(measure.value);
    out.items.add(queries[q].id, row);
  }
  return {};
}

}  // namespace

Result<TaskResult> evaluate_reranking(const Task& task, const std::filesystem::path& folder,
                                      const Evaluation& evaluation) {
  const bool has_forms = task.main_score_v2.starts_with(kOverForms);
  LODE_ASSIGN(const auto queries, read_reranking_data(folder, task.split, has_forms));
  std::vector<std::string> forms, candidates;
  for (const RerankingQuery& query : queries) {
    forms.insert(forms.end(), query.forms.begin(), query.forms.end());
    for (const Candidate& candidate : query.candidates) candidates.push_back(candidate.text);
  }
  LODE_ASSIGN(const std::vector<float> form_vectors, evaluation.encode("queries", forms, query_prompt(task)));
  LODE_ASSIGN(const std::vector<float> candidate_vectors,
              evaluation.encode("candidates", candidates, document_prompt(task)));
  const auto dims = static_cast<size_t>(evaluation.encoder->dims());
  TaskResult out;
  out.items.item = "query";
  std::span<const float> rest_of_forms(form_vectors), rest(candidate_vectors);
  for (const RerankingQuery& query : queries) {
    const size_t forms_end = query.forms.size() * dims, candidates_end = query.candidates.size() * dims;
    out.run.push_back(scored(query, rest_of_forms.first(forms_end), rest.first(candidates_end), dims));
    rest_of_forms = rest_of_forms.subspan(forms_end);
    rest = rest.subspan(candidates_end);
  }
  if (evaluation.settings.rules == Rules::mteb_v1) {
    score_by_v1(queries, out);
  } else {
    LODE_TRY(score_by_v2(queries, has_forms, out));
  }
  for (auto& hits : out.run) {
    std::ranges::sort(hits, [](const Retrieved& a, const Retrieved& b) {
      return a.score != b.score ? a.score > b.score : a.document > b.document;
    });
  }
  return out;
}

}  // namespace lode::eval
