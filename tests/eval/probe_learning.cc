#include "probe_learning.h"

#include <cstdint>
#include <fstream>
#include <numeric>
#include <span>
#include <vector>

#include "eval/classification.h"
#include "eval/clustering.h"
#include "eval/label_scores.h"
#include "eval/logistic_regression.h"
#include "eval/mini_batch_kmeans.h"
#include "eval/numpy_random.h"
#include "eval/python_random.h"
#include "eval/undersample.h"
#include "kernels/context.h"

namespace {

using Json = nlohmann::json;
using namespace lode;
using namespace lode::eval;

std::vector<float> floats(const Json& path) {
  std::ifstream in(path.get<std::string>(), std::ios::binary | std::ios::ate);
  std::vector<float> out(static_cast<size_t>(in.tellg()) / sizeof(float));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(float)));
  return out;
}

struct Machine {
  ThreadPool pool{2};
  kernels::Context context{*kernels::select().value(), pool};
};

Rules rules(const Json& in) {
  return in["rules"] == "v1" ? Rules::mteb_v1 : Rules::mteb_v2;
}

Json python_random(const Json& in) {
  PythonRandom random(in["seed"].get<uint64_t>());
  Json out;
  for (int i = 0; i < 5; ++i) out["uniform"].push_back(random.uniform());
  for (const Json& n : in["bits"]) out["bits"].push_back(random.bits(n.get<int>()));
  for (const Json& n : in["below"]) out["below"].push_back(random.below(n.get<uint64_t>()));
  for (const Json& pair : in["samples"])
    out["samples"].push_back(random.sample(pair[0].get<uint32_t>(), pair[1].get<uint32_t>()));
  out["choices"] = random.choices(in["n"].get<uint32_t>(), 50);
  std::vector<int> list(in["n"].get<size_t>());
  std::iota(list.begin(), list.end(), 0);
  random.shuffle(std::span(list));
  out["shuffle"] = list;
  return out;
}

Json numpy_choice(const Json& in) {
  NumpyRandom random(in["seed"].get<uint32_t>());
  const auto cumulative = NumpyRandom::cumulative(in["p"].get<std::vector<double>>());
  Json out = Json::array();
  for (int i = 0; i < in["n"].get<int>(); ++i) out.push_back(random.choice(cumulative));
  return out;
}

Json undersamples(const Json& in) {
  return undersample(in["labels"].get<std::vector<int32_t>>(), in["n_per_label"].get<int>(),
                     in["n_experiments"].get<int>());
}

Json logistic(const Json& in) {
  LogisticOptions options;
  options.max_iterations = in.value("max_iterations", 100);
  options.gradient_tolerance = in.value("gradient_tolerance", 1e-4);
  options.per_row = in.value("per_row", false);
  const auto labels = in["labels"].get<std::vector<int32_t>>();
  const auto n_dims = in["n_dims"].get<int64_t>();
  const auto model = LogisticRegression::fit(floats(in["x"]), n_dims, labels, options);
  if (!model) return {{"error", model.error().line()}};
  return {{"weights", model->weights()},
          {"objective", model->objective()},
          {"n_iterations", model->n_iterations()},
          {"predicted", model->predict(floats(in["test"]))}};
}

Json scores(const LabelScores& s) {
  return {{"accuracy", s.accuracy},
          {"f1", s.f1},
          {"f1_weighted", s.f1_weighted},
          {"precision", s.precision},
          {"precision_weighted", s.precision_weighted},
          {"recall", s.recall},
          {"recall_weighted", s.recall_weighted}};
}

Json classification(const Json& in) {
  Machine machine;
  const auto train = floats(in["train"]), test = floats(in["test"]);
  const auto train_labels = in["train_labels"].get<std::vector<int32_t>>();
  const auto test_labels = in["test_labels"].get<std::vector<int32_t>>();
  ClassificationOptions options{.rules = rules(in), .positive = std::nullopt};
  if (in.contains("positive")) options.positive = in["positive"].get<int32_t>();
  const auto samples = undersample(train_labels, 8, 10);
  const auto results =
      classify(machine.pool, {train, train_labels}, {test, test_labels}, in["n_dims"].get<int64_t>(), samples, options);
  if (!results) return {{"error", results.error().line()}};
  Json out = Json::array();
  for (const ClassificationScores& result : *results) {
    Json& row = out.emplace_back(scores(result.labels));
    if (result.average_precision) row["ap"] = *result.average_precision;
  }
  return out;
}

Json kmeans(const Json& in) {
  Machine machine;
  const auto x = floats(in["x"]);
  const auto n_dims = in["n_dims"].get<int64_t>();
  const auto rows = in["rows"].get<std::vector<uint32_t>>();
  NumpyRandom random(in["seed"].get<uint32_t>());
  const KMeansOptions options{.n_clusters = in["n_clusters"].get<int>(),
                              .batch_size = in["batch_size"].get<int>(),
                              .n_starts = in.value("n_starts", 1)};
  const auto result = mini_batch_kmeans(machine.context, x, n_dims, rows, options, random);
  if (!result) return {{"error", result.error().line()}};
  return {{"labels", result->labels}, {"n_steps", result->n_steps}, {"next", random.next32()}};
}

Json sets(const Json& in) {
  Machine machine;
  SetOptions options;
  options.n_starts = in.value("n_starts", 1);
  const auto result = cluster_sets(machine.context, floats(in["x"]), in["n_dims"].get<int64_t>(),
                                   in["labels"].get<std::vector<std::vector<LabelLevels>>>(), options);
  if (!result) return {{"error", result.error().line()}};
  return *result;
}

Json samples(const Json& in) {
  Machine machine;
  BootstrapOptions options;
  options.fraction = in["fraction"].get<double>();
  options.sample_size = in["sample_size"].get<uint32_t>();
  PythonRandom random(42);
  const auto x = floats(in["x"]);
  const auto n_dims = in["n_dims"].get<int64_t>();
  const auto all = in["labels"].get<std::vector<LabelLevels>>();
  std::vector<float> vectors;
  std::vector<LabelLevels> labels;
  for (const uint32_t row : draw_texts(all.size(), options, random)) {
    const float* const begin = x.data() + row * n_dims;
    vectors.insert(vectors.end(), begin, begin + n_dims);
    labels.push_back(all[row]);
  }
  const auto result = cluster_samples(machine.context, vectors, n_dims, labels, options, random);
  if (!result) return {{"error", result.error().line()}};
  return *result;
}

}  // namespace

std::optional<Json> probe_learning(const std::string& what, const Json& in) {
  if (what == "python_random") return python_random(in);
  if (what == "numpy_choice") return numpy_choice(in);
  if (what == "undersample") return undersamples(in);
  if (what == "logistic") return logistic(in);
  if (what == "label_scores")
    return scores(label_scores(in["truth"].get<std::vector<int32_t>>(), in["predicted"].get<std::vector<int32_t>>()));
  if (what == "classification") return classification(in);
  if (what == "kmeans") return kmeans(in);
  if (what == "cluster_sets") return sets(in);
  if (what == "cluster_samples") return samples(in);
  return std::nullopt;
}
