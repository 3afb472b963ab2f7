#include "eval/evaluation.h"

#include <cmath>

#include <fmt/format.h>

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

Result<TaskResult> evaluate(const LocatedTask& located, const Evaluation& evaluation) {
  const Task& task = located.task;
  const std::filesystem::path& folder = located.folder;
  const bool ranks = task.kind == TaskKind::retrieval || task.kind == TaskKind::swebench;
  if (evaluation.encoder == nullptr && !ranks) {
    return fail(Code::invalid_argument, fmt::format("{} compares vectors, which BM25 has not", task.name),
                "Give a model with --model.");
  }
  if (!evaluation.run.empty() && task.kind != TaskKind::retrieval) {
    return fail(Code::invalid_argument,
                fmt::format("{} is no retrieval task: a run cannot be scored on it", task.name));
  }
  switch (task.kind) {
    case TaskKind::retrieval: return evaluate_retrieval(task, folder, evaluation);
    case TaskKind::sts: return evaluate_sts(task, folder, evaluation);
    case TaskKind::swebench: return evaluate_swebench(task, folder, evaluation);
    case TaskKind::classification:
    case TaskKind::clustering:
    case TaskKind::reranking:
    case TaskKind::pair_classification:
    case TaskKind::summarization: break;
  }
  return fail(Code::unsupported, fmt::format("{} cannot be evaluated so far", task.name));
}

}  // namespace lode::eval
