#include "eval/retrieval.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "eval/bm25_search.h"
#include "eval/exact_search.h"

namespace lode::eval {
namespace {

// Documents whose vectors are held at a time.
constexpr size_t kTextsAtOnce = 8192;
constexpr std::array<int64_t, 7> kCuts = {1, 3, 5, 10, 20, 100, 1000};

std::vector<std::string> ids_of(const RetrievalData& data) {
  std::vector<std::string> ids;
  ids.reserve(data.corpus.size());
  for (const Document& document : data.corpus) ids.push_back(document.id);
  return ids;
}

std::vector<Retrieved> named(const std::vector<Neighbour>& neighbours, const std::vector<std::string>& ids) {
  std::vector<Retrieved> out;
  out.reserve(neighbours.size());
  for (const Neighbour& neighbour : neighbours) out.push_back({ids[neighbour.document], neighbour.score});
  return out;
}

}  // namespace

Result<Run> retrieve_dense(const RetrievalData& data, const Evaluation& evaluation, const Task& task) {
  std::vector<std::string> texts;
  for (const Query& query : data.queries) texts.push_back(query.text);
  for (const std::string& text : texts) evaluation.expect(text);
  for (const Document& document : data.corpus) evaluation.expect(document.whole());
  LODE_ASSIGN(const std::vector<float> queries, evaluation.encode("queries", texts, query_prompt(task)));
  const std::vector<std::string> ids = ids_of(data);
  const IdOrder order(ids);
  ExactSearch search(*evaluation.context, queries, evaluation.encoder->dims(), order, kSearched);
  for (size_t begin = 0; begin < data.corpus.size(); begin += kTextsAtOnce) {
    texts.clear();
    for (size_t d = begin; d < std::min(begin + kTextsAtOnce, data.corpus.size()); ++d) {
      texts.push_back(data.corpus[d].whole());
    }
    LODE_ASSIGN(const std::vector<float> documents,
                evaluation.encode("documents", texts, document_prompt(task), begin, data.corpus.size()));
    search.add(documents);
  }
  Run run;
  for (const auto& neighbours : search.finish()) run.push_back(named(neighbours, ids));
  return run;
}

Run retrieve_bm25(const RetrievalData& data, const index::Bm25Options& options) {
  Bm25Search search(options);
  for (const Document& document : data.corpus) search.add(document.whole());
  const std::vector<std::string> ids = ids_of(data);
  search.finish(ids);
  Run run;
  for (const Query& query : data.queries) run.push_back(named(search.best(query.text, kSearched), ids));
  return run;
}

void cut(const RetrievalData& data, OwnId own_id, Run& run) {
  for (size_t q = 0; q < run.size(); ++q) {
    const auto shorten = [&] { run[q].resize(std::min(run[q].size(), kRetrieved)); };
    if (own_id != OwnId::passed_over) shorten();
    if (own_id != OwnId::counts) {
      std::erase_if(run[q], [&](const Retrieved& hit) { return hit.document == data.queries[q].id; });
    }
    shorten();
  }
}

Result<RetrievalScores> score_run(const RetrievalData& data, const Run& run) {
  LODE_CHECK(run.size() == data.queries.size());
  RetrievalScores out;
  for (size_t q = 0; q < run.size(); ++q) {
    std::vector<Hit> hits;
    hits.reserve(run[q].size());
    for (const Retrieved& hit : run[q]) hits.push_back({hit.document, hit.score});
    std::vector<Judgement> judgements;
    for (const auto& [document, level] : data.queries[q].judged) judgements.push_back({document, level});
    auto ranking = judge(std::move(hits), judgements);
    if (!ranking) {
      Error error = std::move(ranking).error();
      error.message = fmt::format("the query {}: {}", data.queries[q].id, error.message);
      return std::unexpected(std::move(error));
    }
    std::vector<Measure> measures;
    for (const int64_t cut : kCuts) measures.push_back({fmt::format("ndcg_at_{}", cut), ndcg(*ranking, cut)});
    for (const int64_t cut : kCuts)
      measures.push_back({fmt::format("map_at_{}", cut), average_precision(*ranking, cut)});
    for (const int64_t cut : kCuts) measures.push_back({fmt::format("recall_at_{}", cut), recall(*ranking, cut)});
    for (const int64_t cut : kCuts) measures.push_back({fmt::format("precision_at_{}", cut), precision(*ranking, cut)});
    for (const int64_t cut : kCuts) measures.push_back({fmt::format("mrr_at_{}", cut), reciprocal_rank(*ranking, cut)});
    out.per_query.push_back(std::move(measures));
  }
  if (out.per_query.empty()) return out;
  out.mean = out.per_query.front();
  for (size_t m = 0; m < out.mean.size(); ++m) {
    double sum = 0;
    for (const std::vector<Measure>& measures : out.per_query) sum += measures[m].value;
    out.mean[m].value = sum / static_cast<double>(out.per_query.size());
  }
  return out;
}

}  // namespace lode::eval
