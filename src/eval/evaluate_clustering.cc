// Clustering: do vectors fall into the groups that people made?
#include <cmath>

#include <fmt/format.h>

#include "eval/clustering.h"
#include "eval/clustering_data.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"

namespace lode::eval {
namespace {

constexpr uint64_t kSeed = 42;

// Scores of sets or samples, each with its name.
TaskResult result_of(const char* item, std::vector<std::string> names, const std::vector<double>& v_measures) {
  TaskResult out;
  out.items = {.item = item, .ids = {}, .measures = {"v_measure"}, .values = {}};
  const auto n = static_cast<double>(v_measures.size());
  double mean = 0, variance = 0;
  for (size_t i = 0; i < v_measures.size(); ++i) {
    mean += v_measures[i] / n;
    out.items.add(std::move(names[i]), {v_measures[i]});
  }
  for (const double v : v_measures) variance += (v - mean) * (v - mean) / n;
  out.scores = {{"v_measure", mean}, {"v_measure_std", std::sqrt(variance)}};
  return out;
}

Result<TaskResult> of_sets(const std::vector<TextGroups>& sets, const Prompt& prompt, const Evaluation& evaluation) {
  std::vector<std::string> texts, names;
  std::vector<std::vector<LabelLevels>> labels;
  for (const TextGroups& set : sets) {
    texts.insert(texts.end(), set.texts.begin(), set.texts.end());
    labels.push_back(set.labels);
    names.push_back(std::to_string(names.size()));
  }
  LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode("texts", texts, prompt));
  LODE_ASSIGN(const auto v_measures,
              cluster_sets(*evaluation.context, vectors, evaluation.encoder->dims(), labels, SetOptions{}));
  return result_of("set", std::move(names), v_measures);
}

Result<TaskResult> of_samples(const TextGroups& all, const Prompt& prompt, const Evaluation& evaluation) {
  PythonRandom random(kSeed);
  const BootstrapOptions options;
  std::vector<std::string> texts;
  std::vector<LabelLevels> labels;
  for (const uint32_t row : draw_texts(all.texts.size(), options, random)) {
    texts.push_back(all.texts[row]);
    labels.push_back(all.labels[row]);
  }
  LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode("texts", texts, prompt));
  LODE_ASSIGN(const auto levels,
              cluster_samples(*evaluation.context, vectors, evaluation.encoder->dims(), labels, options, random));
  std::vector<std::string> names;
  std::vector<double> v_measures;
  for (size_t level = 0; level < levels.size(); ++level) {
    for (size_t sample = 0; sample < levels[level].size(); ++sample) {
      names.push_back(fmt::format("level {}, sample {}", level, sample));
      v_measures.push_back(levels[level][sample]);
    }
  }
  return result_of("sample", std::move(names), v_measures);
}

}  // namespace

Result<TaskResult> evaluate_clustering(const Task& task, const std::filesystem::path& folder,
                                       const Evaluation& evaluation) {
  LODE_ASSIGN(const std::vector<TextGroups> sets,
              read_text_groups(data_file(folder, std::string(task.split) + ".jsonl")));
  const Prompt prompt = query_prompt(task);
  if (evaluation.settings.rules == Rules::mteb_v2) return of_samples(joined(sets), prompt, evaluation);
  return of_sets(sets, prompt, evaluation);
}

}  // namespace lode::eval
