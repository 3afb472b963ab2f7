#include "eval/tasks.h"

#include <algorithm>

#include "eval/task_tables.h"

namespace lode::eval {
namespace {

std::vector<Task> all_tasks() {
  std::vector<Task> out;
  for (const auto table : {mteb_retrieval_tasks(), mteb_text_tasks(), code_tasks()}) {
    out.insert(out.end(), table.begin(), table.end());
  }
  return out;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool has_alias(const Task& task, std::string_view name) {
  const std::vector<std::string_view> names = task.names();
  return std::ranges::any_of(names, [&](std::string_view one) { return same(one, name); });
}

}  // namespace

std::string_view kind_name(TaskKind kind) {
  switch (kind) {
    case TaskKind::retrieval: return "retrieval";
    case TaskKind::reranking: return "reranking";
    case TaskKind::classification: return "classification";
    case TaskKind::clustering: return "clustering";
    case TaskKind::pair_classification: return "pair-classification";
    case TaskKind::sts: return "sts";
    case TaskKind::summarization: return "summarization";
    case TaskKind::swebench: return "swebench";
  }
  return "";
}

std::string_view benchmark_name(Benchmark benchmark) {
  switch (benchmark) {
    case Benchmark::none: return "";
    case Benchmark::mteb_v1: return "mteb-v1";
    case Benchmark::coir: return "coir";
  }
  return "";
}

std::vector<std::string_view> Task::names() const {
  std::vector<std::string_view> out = {name};
  for (std::string_view rest = aliases; !rest.empty();) {
    const size_t n = std::min(rest.find(' '), rest.size());
    out.push_back(rest.substr(0, n));
    rest.remove_prefix(std::min(n + 1, rest.size()));
  }
  return out;
}

std::span<const Task> tasks() {
  static const std::vector<Task> kTasks = all_tasks();
  return kTasks;
}

const Task* find_task(std::string_view name) {
  const auto found = std::ranges::find_if(tasks(), [&](const Task& task) { return has_alias(task, name); });
  return found == tasks().end() ? nullptr : &*found;
}

std::vector<const Task*> find_group(std::string_view name) {
  std::vector<const Task*> out;
  for (const Task& task : tasks()) {
    const bool in_benchmark = task.benchmark != Benchmark::none && same(benchmark_name(task.benchmark), name);
    if (in_benchmark || same(kind_name(task.kind), name)) out.push_back(&task);
  }
  return out;
}

}  // namespace lode::eval
