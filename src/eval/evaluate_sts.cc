// Semantic textual similarity: do vectors order pairs as people do?
#include "eval/correlation.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/pair_scores.h"
#include "eval/sts.h"

namespace lode::eval {

Result<TaskResult> evaluate_sts(const Task& task, const std::filesystem::path& folder, const Evaluation& evaluation) {
  LODE_ASSIGN(auto pairs, read_scored_pairs(data_file(folder, std::string(task.split) + ".jsonl")));
  keep_first(pairs, evaluation.settings);
  std::vector<std::string> texts;
  std::vector<double> gold;
  for (const ScoredPair& pair : pairs) texts.push_back(pair.first);
  for (const ScoredPair& pair : pairs) {
    texts.push_back(pair.second);
    gold.push_back(pair.score);
  }
  LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode("texts", texts, query_prompt(task)));
  const std::span<const float> all(vectors);
  const PairScores alike = compare_pairs(all.first(all.size() / 2), all.last(all.size() / 2),
                                         static_cast<size_t>(evaluation.encoder->dims()));
  TaskResult out;
  for (const auto& [way, scores] : std::initializer_list<std::pair<std::string, const std::vector<double>&>>{
           {"cosine", alike.cosine}, {"manhattan", alike.manhattan}, {"euclidean", alike.euclidean}}) {
    out.scores.push_back({way + "_spearman", spearman(scores, gold)});
    out.scores.push_back({way + "_pearson", pearson(scores, gold)});
  }
  out.items = {.item = "pair", .ids = {}, .measures = {"cosine", "gold"}, .values = {}};
  for (size_t i = 0; i < pairs.size(); ++i) out.items.add(std::to_string(i), {alike.cosine[i], gold[i]});
  return out;
}

}  // namespace lode::eval
