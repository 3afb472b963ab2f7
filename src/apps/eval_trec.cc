#include "apps/eval_trec.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/json_text.h"
#include "eval/judged_ranking.h"
#include "eval/qrels.h"
#include "eval/trec_ids.h"
#include "eval/trec_measures.h"

namespace lode::apps {

Status print_trec_measures(const std::filesystem::path& qrels_file, const std::filesystem::path& run_file, bool json) {
  LODE_ASSIGN(const eval::Qrels qrels, eval::read_qrels(qrels_file));
  LODE_ASSIGN(const eval::TrecRun run, eval::read_trec_run(run_file));
  // By name, so that sums do not depend on the order of a hash table.
  const std::map<std::string_view, const std::vector<eval::Retrieved>*> in_order = [&] {
    std::map<std::string_view, const std::vector<eval::Retrieved>*> out;
    for (const auto& [query, hits] : run.rankings) out.emplace(query, &hits);
    return out;
  }();
  std::vector<eval::Measure> all;
  size_t n_queries = 0;
  for (const auto& [query, retrieved] : in_order) {
    auto judged = qrels.find(std::string(query));
    if (judged == qrels.end()) judged = qrels.find(eval::id_of_trec(query));
    if (judged == qrels.end()) continue;
    const std::vector<eval::Retrieved> own = eval::with_own_ids(*retrieved, judged->second);
    std::vector<eval::Hit> hits;
    for (const eval::Retrieved& hit : own) hits.push_back({hit.document, hit.score});
    std::vector<eval::Judgement> judgements;
    for (const auto& [document, level] : judged->second) judgements.push_back({document, level});
    auto ranking = eval::judge(std::move(hits), judgements);
    if (!ranking) {
      Error error = std::move(ranking).error();
      error.message = fmt::format("the query {}: {}", query, error.message);
      return std::unexpected(std::move(error));
    }
    const std::vector<eval::Measure> measures = eval::trec_measures(*ranking);
    if (n_queries++ == 0) {
      all = measures;
    } else {
      for (size_t m = 0; m < all.size(); ++m) all[m].value += measures[m].value;
    }
  }
  if (n_queries == 0) {
    return fail(Code::invalid_argument,
                fmt::format("{} and {} have no query in common", run_file.string(), qrels_file.string()));
  }
  for (eval::Measure& measure : all) {
    if (measure.name.starts_with("num_")) continue;
    measure.value /= static_cast<double>(n_queries);
    if (measure.name.starts_with("gm_")) measure.value = std::exp(measure.value);
  }
  if (json) {
    nlohmann::ordered_json scores = nlohmann::ordered_json::object();
    for (const eval::Measure& measure : all) scores[measure.name] = measure.value;
    const nlohmann::ordered_json out{{"run", run.tag}, {"num_q", n_queries}, {"scores", std::move(scores)}};
    return write_stdout(json_text(out));
  }
  std::string out = fmt::format("{:<22} all {}\n{:<22} all {}\n", "runid", run.tag, "num_q", n_queries);
  for (const eval::Measure& measure : all) {
    out += measure.name.starts_with("num_") ? fmt::format("{:<22} all {:.0f}\n", measure.name, measure.value)
                                            : fmt::format("{:<22} all {:.4f}\n", measure.name, measure.value);
  }
  return write_stdout(out);
}

}  // namespace lode::apps
