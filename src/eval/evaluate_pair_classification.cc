// Pair classification: is there a similarity from which on pairs mean the same?
#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "eval/binary_scores.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/pair_data.h"
#include "eval/pair_scores.h"

namespace lode::eval {

Result<TaskResult> evaluate_pair_classification(const Task& task, const std::filesystem::path& folder,
                                                const Evaluation& evaluation) {
  LODE_ASSIGN(const LabelledPairs pairs, read_labelled_pairs(data_file(folder, std::string(task.split) + ".jsonl")));
  std::vector<std::string> texts = pairs.first;
  texts.insert(texts.end(), pairs.second.begin(), pairs.second.end());
  LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode("texts", texts, query_prompt(task)));
  const std::span<const float> all(vectors);
  const PairScores alike = compare_pairs(all.first(all.size() / 2), all.last(all.size() / 2),
                                         static_cast<size_t>(evaluation.encoder->dims()));

  const bool is_v2 = evaluation.settings.rules == Rules::mteb_v2;
  const Ties ties = is_v2 ? Ties::whole : Ties::split;
  TaskResult out;
  std::array<double, 5> best{};
  const std::array<std::string_view, 5> names = {"accuracy", "f1", "precision", "recall", "ap"};
  for (const auto& [way, scores] :
       std::initializer_list<std::pair<std::string_view, const std::vector<double>&>>{{"cosine", alike.cosine},
                                                                                      {"manhattan", alike.manhattan},
                                                                                      {"euclidean", alike.euclidean},
                                                                                      {"dot", alike.dot}}) {
    const BestThreshold f1 = best_f1(scores, pairs.labels, ties);
    const std::array<double, 5> values = {best_accuracy(scores, pairs.labels, ties).value, f1.value, f1.precision,
                                          f1.recall, average_precision_score(scores, pairs.labels)};
    for (size_t m = 0; m < names.size(); ++m) {
      out.scores.push_back({fmt::format("{}_{}", way, names[m]), values[m]});
      best[m] = std::max(best[m], values[m]);
    }
  }
  for (size_t m = 0; m < names.size(); ++m) {
    const bool is_of_v1 = names[m] != "precision" && names[m] != "recall";
    if (is_v2 || is_of_v1) out.scores.push_back({fmt::format("max_{}", names[m]), best[m]});
  }
  out.items = {.item = "pair", .ids = {}, .measures = {"cosine", "alike"}, .values = {}};
  for (size_t i = 0; i < pairs.labels.size(); ++i) {
    out.items.add(std::to_string(i), {alike.cosine[i], static_cast<double>(pairs.labels[i])});
  }
  return out;
}

}  // namespace lode::eval
