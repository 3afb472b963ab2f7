// Computes measures for the conformance tests: each line of stdin is {"what": NAME, ...}, each line of stdout the
// result.
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "eval/binary_scores.h"
#include "eval/correlation.h"
#include "eval/judged_ranking.h"
#include "eval/numpy_random.h"
#include "eval/trec_measures.h"
#include "eval/v_measure.h"
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
    std::cout << out << '\n';
  }
}
