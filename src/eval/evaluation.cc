#include "eval/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/compressed_file.h"

namespace lode::eval {

double score_of(const TaskResult& result, std::string_view name) {
  for (const Measure& measure : result.scores) {
    if (measure.name == name) return measure.value;
  }
  return std::nan("");
}

void Evaluation::expect(std::string_view text) const {
  if (work == nullptr || encoder == nullptr) return;
  const uint64_t weight = encoder->weight(text);
  work->n_expected += weight;
  work->n_all += weight;
}

Result<std::vector<float>> Evaluation::encode(std::string_view what, std::span<const std::string> texts,
                                              const Prompt& prompt, size_t n_before, size_t n_all) const {
  LODE_CHECK(encoder != nullptr);
  if (work != nullptr) {
    uint64_t n_weight = 0;
    for (const std::string& text : texts) n_weight += encoder->weight(text);
    work->n_all += n_weight - std::min(n_weight, work->n_expected);
    work->n_expected -= std::min(n_weight, work->n_expected);
  }
  const auto n_dims = static_cast<size_t>(encoder->dims());
  std::vector<float> out(texts.size() * n_dims);
  size_t n_done = n_before;
  LODE_TRY(encoder->encode_each(texts, prompt, [&](const Encoded& encoded) -> Status {
    std::ranges::copy(encoded.vector, out.begin() + static_cast<ptrdiff_t>(encoded.text * n_dims));
    ++n_done;
    if (work != nullptr) {
      const uint64_t weight = encoder->weight(texts[encoded.text]);
      work->n_done += weight;
      if (!encoded.computed) work->n_before += weight;
    }
    if (on_progress && !on_progress(what, n_done, n_all == 0 ? texts.size() : n_all)) {
      return fail(Code::cancelled, "interrupted");
    }
    return {};
  }));
  return out;
}

Prompt query_prompt(const Task& task) {
  return {embed::InputType::query, task.instruction};
}

Prompt document_prompt(const Task& task) {
  return task.instructed == Instructed::all ? query_prompt(task) : Prompt{embed::InputType::passage, {}};
}

namespace {

// Whether a score over the first items is of the task's kind at all.
bool takes_limit(TaskKind kind) {
  switch (kind) {
    case TaskKind::retrieval:
    case TaskKind::sts:
    case TaskKind::swebench: return true;
    case TaskKind::classification:
    case TaskKind::clustering:
    case TaskKind::reranking:
    case TaskKind::pair_classification:
    case TaskKind::summarization: break;
  }
  return false;
}

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

Result<TaskResult> evaluate_all(const LocatedTask& located, const Evaluation& evaluation) {
  const Task& task = located.task;
  const bool ranks = task.kind == TaskKind::retrieval || task.kind == TaskKind::swebench;
  if (evaluation.encoder == nullptr && !ranks) {
    return fail(Code::invalid_argument, fmt::format("{} compares vectors, which BM25 has not", task.name),
                "Give a model with --model.");
  }
  const Mode mode = evaluation.settings.mode;
  if (mode != Mode::dense && mode != Mode::bm25 && task.kind != TaskKind::swebench) {
    return fail(
        Code::invalid_argument,
        fmt::format("{} is ranked by a model or by BM25, --mode {} is for files of code", task.name, name_of(mode)),
        "Use --mode dense or --mode bm25.");
  }
  if (!evaluation.run.empty() && task.kind != TaskKind::retrieval) {
    return fail(Code::invalid_argument,
                fmt::format("{} is no retrieval task: a run cannot be scored on it", task.name));
  }
  if (evaluation.settings.limit > 0 && !takes_limit(task.kind)) {
    return fail(Code::invalid_argument, fmt::format("{} cannot be limited, it is {}", task.name, kind_name(task.kind)),
                "--limit is for retrieval, STS and SWE-bench.");
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

}  // namespace

std::string_view name_of(Mode mode) {
  constexpr std::array<std::string_view, 5> kNames = {"dense", "bm25", "fused", "lexical", "hybrid"};
  return kNames[static_cast<size_t>(mode)];
}

Result<TaskResult> evaluate(const LocatedTask& located, const Evaluation& evaluation) {
  const OpenedFiles opened;
  auto result = evaluate_all(located, evaluation);
  if (result) {
    // A kind whose threads open files has named them; this thread is one of them.
    for (const std::filesystem::path& path : opened.paths()) {
      const bool is_named = std::ranges::find(result->files, path) != result->files.end();
      if (path != evaluation.run && !is_named) result->files.push_back(path);
    }
  }
  return result;
}

}  // namespace lode::eval
