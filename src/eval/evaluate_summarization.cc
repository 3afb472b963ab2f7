// Summarisation: is a machine's summary that people like near to one that people wrote?
#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "eval/correlation.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/pair_scores.h"
#include "eval/summaries.h"

namespace lode::eval {
namespace {

bool all_equal(const std::vector<double>& values) {
  return std::ranges::adjacent_find(values, std::not_equal_to{}) == values.end();
}

}  // namespace

Result<TaskResult> evaluate_summarization(const Task& task, const std::filesystem::path& folder,
                                          const Evaluation& evaluation) {
  LODE_ASSIGN(const auto texts, read_summaries(data_file(folder, std::string(task.split) + ".jsonl")));
  std::vector<std::string> summaries;
  for (const SummarizedText& text : texts) {
    summaries.insert(summaries.end(), text.human.begin(), text.human.end());
    summaries.insert(summaries.end(), text.machine.begin(), text.machine.end());
  }
  LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode("summaries", summaries, query_prompt(task)));
  const auto dims = static_cast<size_t>(evaluation.encoder->dims());
  std::span<const float> rest(vectors);
  const auto take = [&](size_t n) {
    const std::span<const float> rows = rest.first(n * dims);
    rest = rest.subspan(n * dims);
    return rows;
  };

  TaskResult out;
  out.items = {.item = "text", .ids = {}, .measures = {"cosine_spearman", "cosine_pearson"}, .values = {}};
  double sum_spearman = 0, sum_pearson = 0;
  size_t n = 0;
  for (size_t t = 0; t < texts.size(); ++t) {
    const std::span<const float> human = take(texts[t].human.size()), machine = take(texts[t].machine.size());
    std::vector<double> cosines;
    for (size_t m = 0; m < texts[t].machine.size(); ++m) {
      cosines.push_back(greatest_cosine(machine.subspan(m * dims, dims), human));
    }
    if (all_equal(texts[t].marks) || all_equal(cosines)) continue;  // no correlation
    double by_rank = spearman(texts[t].marks, cosines), by_value = pearson(texts[t].marks, cosines);
    if (evaluation.settings.rules == Rules::mteb_v1) {
      // MTEB took the mean of scipy's pairs of statistic and p-value until 2024, in SummEval to this day: published
      // scores of that name, the card's too, are this.
      by_rank = (by_rank + correlation_p_value(by_rank, cosines.size())) / 2;
      by_value = (by_value + correlation_p_value(by_value, cosines.size())) / 2;
    }
    out.items.add(std::to_string(t), {by_rank, by_value});
    sum_spearman += by_rank;
    sum_pearson += by_value;
    ++n;
  }
  if (n == 0) {
    return fail(Code::corrupt,
                fmt::format("{} has no text whose marks and cosines differ: nothing correlates", task.name),
                "Get the data set again.");
  }
  out.scores = {{"cosine_spearman", sum_spearman / static_cast<double>(n)},
                {"cosine_pearson", sum_pearson / static_cast<double>(n)}};
  // Vectors are of length 1: their inner products are the cosines.
  out.scores.push_back({"dot_spearman", out.scores[0].value});
  out.scores.push_back({"dot_pearson", out.scores[1].value});
  return out;
}

}  // namespace lode::eval
