// Computes measures for the conformance tests: each line of stdin is {"what": NAME, ...}, each line of stdout the
// result.
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "eval/binary_scores.h"
#include "eval/comparison.h"
#include "eval/correlation.h"
#include "eval/judged_ranking.h"
#include "eval/numpy_random.h"
#include "eval/paired_tests.h"
#include "eval/trec_measures.h"
#include "eval/v_measure.h"
#include "probe_kinds.h"
#include "probe_learning.h"

namespace {

using Json = nlohmann::json;
using namespace lode::eval;

// {"hits": [[doc, score], ...], "judgements": [[doc, level], ...]}
Json ranking(const Json& in) {
  std::vector<std::string> names;
  names.reserve(in["hits"].size() + in["judgements"].size());  // the views below stay
  const auto keep = [&](const Json& pair) -> std::string_view {
    return names.emplace_back(pair[0].get<std::string>());
  };
  std::vector<Hit> hits;
  for (const Json& pair : in["hits"]) hits.push_back({keep(pair), pair[1].get<float>()});
  std::vector<Judgement> judgements;
  for (const Json& pair : in["judgements"]) judgements.push_back({keep(pair), pair[1].get<int32_t>()});
  const auto judged = judge(std::move(hits), judgements);
  if (!judged) return {{"error", judged.error().line()}};
  Json out = Json::object();
  for (const Measure& measure : trec_measures(*judged)) out[measure.name] = measure.value;
  return out;
}

Json correlation(const Json& in) {
  const auto x = in["x"].get<std::vector<double>>(), y = in["y"].get<std::vector<double>>();
  return {{"pearson", pearson(x, y)}, {"spearman", spearman(x, y)}};
}

Json threshold(const BestThreshold& best) {
  return {{"value", best.value}, {"threshold", best.threshold}, {"precision", best.precision}, {"recall", best.recall}};
}

Json binary(const Json& in) {
  const auto scores = in["scores"].get<std::vector<double>>();
  const auto labels = in["labels"].get<std::vector<uint8_t>>();
  return {{"ap", average_precision_score(scores, labels)},
          {"accuracy", threshold(best_accuracy(scores, labels))},
          {"f1", threshold(best_f1(scores, labels))}};
}

Json clusters(const Json& in) {
  const VMeasure m = v_measure(in["classes"].get<std::vector<int32_t>>(), in["clusters"].get<std::vector<int32_t>>());
  return {{"homogeneity", m.homogeneity}, {"completeness", m.completeness}, {"v", m.v}};
}

// One stream, drawn from in this order.
Json random_stream(const Json& in) {
  NumpyRandom random(in["seed"].get<uint32_t>());
  Json out;
  for (int i = 0; i < 5; ++i) out["uniform"].push_back(random.uniform());
  for (const Json& n : in["randint"]) out["randint"].push_back(random.randint(n.get<int64_t>()));
  out["permutation"] = random.permutation(in["n"].get<int64_t>());
  out["choice"] = random.choice_without(in["n"].get<int64_t>(), in["k"].get<int64_t>());
  auto list = in["list"].get<std::vector<int64_t>>();
  random.shuffle(std::span(list));
  out["shuffle"] = list;
  return out;
}

// {"measure": NAME, "measures": [...], "first": {"ids": [...], "values": [[...], ...]}, "second": ...}
Json comparison(const Json& in) {
  const auto items = [&](const Json& side) {
    ItemScores out{
        .item = "query", .ids = {}, .measures = in["measures"].get<std::vector<std::string>>(), .values = {}};
    for (size_t i = 0; i < side["ids"].size(); ++i) {
      out.add(side["ids"][i].get<std::string>(), side["values"][i].get<std::vector<double>>());
    }
    return out;
  };
  const auto result = compare(items(in["first"]), items(in["second"]), in["measure"].get<std::string>());
  if (!result) return {{"error", result.error().line()}};
  const auto interval = [](const Interval& one) { return Json::array({one.low, one.high}); };
  return {{"first", result->first},
          {"second", result->second},
          {"difference", result->difference},
          {"first_interval", interval(result->first_interval)},
          {"second_interval", interval(result->second_interval)},
          {"interval", interval(result->interval)},
          {"test", test_name(result->test)},
          {"p", result->p},
          {"better", result->n_better},
          {"worse", result->n_worse},
          {"equal", result->n_equal}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const Json in = Json::parse(line);
    const auto what = in["what"].get<std::string>();
    Json out;
    if (what == "ranking") out = ranking(in);
    if (what == "correlation") out = correlation(in);
    if (what == "binary") out = binary(in);
    if (what == "clusters") out = clusters(in);
    if (what == "random") out = random_stream(in);
    if (const auto learnt = probe_learning(what, in)) out = *learnt;
    if (what == "comparison") out = comparison(in);
    if (what == "mcnemar") out = mcnemar_exact(in["b"].get<size_t>(), in["c"].get<size_t>());
    if (what == "holm") out = holm(in["p"].get<std::vector<double>>());
    if (const auto kind = probe_kinds(what, in)) out = *kind;
    std::cout << out << '\n';
  }
}
