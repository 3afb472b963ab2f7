#include "eval/evaluation.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lode::eval {

double score_of(const TaskResult& result, std::string_view name) {
  for (const Measure& measure : result.scores) {
    if (measure.name == name) return measure.value;
  }
  return std::nan("");
}

Result<std::vector<float>> Evaluation::encode(std::string_view what, std::span<const std::string> texts,
                                              const Prompt& prompt, size_t n_before, size_t n_all) const {
  LODE_CHECK(encoder != nullptr);
  OnText on_text;
  if (on_progress) {
    on_text = [&](size_t n_done, size_t n) { return on_progress(what, n_before + n_done, n_all == 0 ? n : n_all); };
  }
  return encoder->encode(texts, prompt, on_text);
}

Prompt query_prompt(const Task& task) {
  return {embed::InputType::query, task.instruction};
}

Prompt document_prompt(const Task& task) {
  return task.instructed == Instructed::all ? query_prompt(task) : Prompt{embed::InputType::passage, {}};
}

namespace {

Result<TaskResult> evaluate_one(const Task& task, const std::filesystem::path& folder, const Evaluation& evaluation) {
  switch (task.kind) {
    case TaskKind::classification: return evaluate_classification(task, folder, evaluation);
    case TaskKind::clustering: return evaluate_clustering(task, folder, evaluation);
    case TaskKind::retrieval: return evaluate_retrieval(task, folder, evaluation);
    case TaskKind::reranking: return evaluate_reranking(task, folder, evaluation);
    case TaskKind::pair_classification: return evaluate_pair_classification(task, folder, evaluation);
    case TaskKind::sts: return evaluate_sts(task, folder, evaluation);
    case TaskKind::summarization: return evaluate_summarization(task, folder, evaluation);
    case TaskKind::swebench: return evaluate_swebench(task, folder, evaluation);
  }
  return fail(Code::internal, fmt::format("{} is of no kind", task.name));
}

void append(TaskResult& all, TaskResult&& one, std::string_view subset) {
  if (all.scores.empty()) {
    all.scores = std::move(one.scores);
  } else {
    for (size_t m = 0; m < all.scores.size(); ++m) all.scores[m].value += one.scores[m].value;
  }
  all.items.item = std::move(one.items.item);
  all.items.measures = std::move(one.items.measures);
  for (const std::string& id : one.items.ids) all.items.ids.push_back(fmt::format("{}/{}", subset, id));
  all.items.values.insert(all.items.values.end(), one.items.values.begin(), one.items.values.end());
  std::ranges::move(one.run, std::back_inserter(all.run));
}

}  // namespace

Result<TaskResult> evaluate(const LocatedTask& located, const Evaluation& evaluation) {
  const Task& task = located.task;
  const bool ranks = task.kind == TaskKind::retrieval || task.kind == TaskKind::swebench;
  if (evaluation.encoder == nullptr && !ranks) {
    return fail(Code::invalid_argument, fmt::format("{} compares vectors, which BM25 has not", task.name),
                "Give a model with --model.");
  }
  if (!evaluation.run.empty() && task.kind != TaskKind::retrieval) {
    return fail(Code::invalid_argument,
                fmt::format("{} is no retrieval task: a run cannot be scored on it", task.name));
  }
  if (task.subsets.size() < 2) return evaluate_one(task, located.folder, evaluation);
  std::vector<std::string_view> missing;
  for (const std::string_view subset : task.subsets) {
    std::error_code error;
    if (!std::filesystem::is_directory(located.folder / subset, error)) missing.push_back(subset);
  }
  if (!missing.empty()) {
    return fail(Code::not_found, fmt::format("{} lacks {}", located.folder.string(), fmt::join(missing, ", ")),
                fmt::format("The score of {} is the mean over all {}.", task.name, task.subsets.size()));
  }
  TaskResult out;
  for (const std::string_view subset : task.subsets) {
    LODE_ASSIGN(TaskResult one, evaluate_one(task, located.folder / subset, evaluation));
    append(out, std::move(one), subset);
  }
  for (Measure& measure : out.scores) measure.value /= static_cast<double>(task.subsets.size());
  return out;
}

}  // namespace lode::eval
