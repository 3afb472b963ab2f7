// Classification: do a few examples of each label tell the labels of other texts?
#include <algorithm>
#include <unordered_map>

#include "eval/classification.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/labelled_texts.h"
#include "eval/undersample.h"

namespace lode::eval {
namespace {

constexpr int kExperiments = 10;

const std::vector<std::string> kMeasures = {"accuracy",           "f1",     "f1_weighted",    "precision",
                                            "precision_weighted", "recall", "recall_weighted"};

std::vector<double> values_of(const LabelScores& s) {
  return {s.accuracy, s.f1, s.f1_weighted, s.precision, s.precision_weighted, s.recall, s.recall_weighted};
}

// The texts that any experiment learns from, each once; rows become places among them.
std::vector<std::string> used_texts(const std::vector<std::string>& texts, std::vector<std::vector<uint32_t>>& rows,
                                    std::vector<int32_t>& labels) {
  std::vector<std::string> out;
  std::vector<int32_t> out_labels;
  std::unordered_map<uint32_t, uint32_t> places;
  for (std::vector<uint32_t>& experiment : rows) {
    for (uint32_t& row : experiment) {
      const auto [found, is_new] = places.try_emplace(row, static_cast<uint32_t>(out.size()));
      if (is_new) {
        out.push_back(texts[row]);
        out_labels.push_back(labels[row]);
      }
      row = found->second;
    }
  }
  labels = std::move(out_labels);
  return out;
}

}  // namespace

Result<TaskResult> evaluate_classification(const Task& task, const std::filesystem::path& folder,
                                           const Evaluation& evaluation) {
  LODE_ASSIGN(const LabelledTexts train,
              read_labelled_texts(data_file(folder, std::string(task.train_split) + ".jsonl")));
  LODE_ASSIGN(const LabelledTexts test, read_labelled_texts(data_file(folder, std::string(task.split) + ".jsonl")));
  std::vector<std::string> all = train.labels;
  all.insert(all.end(), test.labels.begin(), test.labels.end());
  const LabelOrder order(all);
  std::vector<int32_t> train_labels = order.places(train.labels);
  const std::vector<int32_t> test_labels = order.places(test.labels);
  auto samples = undersample(train_labels, task.n_per_label, kExperiments);
  const std::vector<std::string> train_texts = used_texts(train.texts, samples, train_labels);

  const Prompt prompt = query_prompt(task);
  LODE_ASSIGN(const std::vector<float> train_vectors, evaluation.encode("texts to learn from", train_texts, prompt));
  LODE_ASSIGN(const std::vector<float> test_vectors, evaluation.encode("texts to classify", test.texts, prompt));
  ClassificationOptions options{.rules = evaluation.settings.rules, .positive = {}};
  if (order.are_numbers() && order.place("1") >= 0) options.positive = order.place("1");
  LODE_ASSIGN(const auto experiments,
              classify(evaluation.context->pool, {train_vectors, train_labels}, {test_vectors, test_labels},
                       evaluation.encoder->dims(), samples, options));

  TaskResult out;
  const bool has_ap = std::ranges::all_of(experiments, [](const auto& e) { return e.average_precision.has_value(); });
  out.items = {.item = "experiment", .ids = {}, .measures = kMeasures, .values = {}};
  if (has_ap) out.items.measures.emplace_back("ap");
  for (const std::string& name : out.items.measures) out.scores.push_back({name, 0});
  for (const ClassificationScores& experiment : experiments) {
    std::vector<double> row = values_of(experiment.labels);
    if (has_ap) row.push_back(*experiment.average_precision);
    for (size_t i = 0; i < row.size(); ++i) out.scores[i].value += row[i] / static_cast<double>(experiments.size());
    out.items.add(std::to_string(out.items.ids.size()), row);
  }
  return out;
}

}  // namespace lode::eval
