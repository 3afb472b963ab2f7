// Semantic textual similarity: do cosines order pairs as people do?
#include "eval/correlation.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/sts.h"

namespace lode::eval {

Result<TaskResult> evaluate_sts(const Task& task, const std::filesystem::path& folder, const Evaluation& evaluation) {
  LODE_ASSIGN(const auto pairs, read_scored_pairs(data_file(folder, std::string(task.split) + ".jsonl")));
  std::vector<std::string> texts;
  for (const ScoredPair& pair : pairs) texts.push_back(pair.first);
  for (const ScoredPair& pair : pairs) texts.push_back(pair.second);
  LODE_ASSIGN(const std::vector<float> vectors,
              evaluation.encode("texts", texts, {embed::InputType::query, task.instruction}));
  const auto n_dims = static_cast<size_t>(evaluation.encoder->dims());
  std::vector<double> cosines, gold;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const float* const a = vectors.data() + i * n_dims;
    const float* const b = vectors.data() + (pairs.size() + i) * n_dims;
    double dot = 0;
    for (size_t d = 0; d < n_dims; ++d) dot += static_cast<double>(a[d]) * static_cast<double>(b[d]);
    cosines.push_back(dot);
    gold.push_back(pairs[i].score);
  }
  TaskResult out;
  out.scores = {{"cosine_spearman", spearman(cosines, gold)}, {"cosine_pearson", pearson(cosines, gold)}};
  out.items = {.item = "pair", .ids = {}, .measures = {"cosine", "gold"}, .values = {}};
  for (size_t i = 0; i < pairs.size(); ++i) out.items.add(std::to_string(i), {cosines[i], gold[i]});
  return out;
}

}  // namespace lode::eval
