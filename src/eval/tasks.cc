#include "eval/tasks.h"

#include <algorithm>
#include <array>

namespace lode::eval {
namespace {

constexpr std::array<Task, 5> kTasks = {{
    {"STSBenchmark", TaskKind::sts, "sts", "stsb_test.jsonl", "cosine_spearman", "Retrieve semantically similar text.",
     ""},
    {"SICK-R", TaskKind::sts, "sts", "sickr_trial.jsonl", "cosine_spearman", "Retrieve semantically similar text.",
     "SICK's trial split, 500 pairs, for its test split"},
    {"SciFact", TaskKind::retrieval, "scifact", "test", "ndcg_at_10",
     "Given a scientific claim, retrieve documents that support or refute the claim", ""},
    {"CosQA", TaskKind::retrieval, "cosqa_retrieval", "test", "ndcg_at_10",
     "Given a web search query, retrieve code that answers it",
     "CoIR's 500 queries over 6,267 functions, where CoIR has 20,604"},
    {"swebench-lite", TaskKind::swebench, "swebench_lite", "swebench_lite_test.jsonl", "recall_at_1", "", ""},
}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

std::string_view kind_name(TaskKind kind) {
  switch (kind) {
    case TaskKind::retrieval: return "retrieval";
    case TaskKind::sts: return "sts";
    case TaskKind::swebench: return "swebench";
  }
  return "";
}

std::span<const Task> tasks() {
  return kTasks;
}

const Task* find_task(std::string_view name) {
  const auto same = [&](const Task& task) {
    return std::ranges::equal(task.name, name, [](char a, char b) { return lower(a) == lower(b); });
  };
  const auto found = std::ranges::find_if(kTasks, same);
  return found == kTasks.end() ? nullptr : &*found;
}

}  // namespace lode::eval
