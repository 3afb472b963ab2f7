#include "apps/eval_tasks.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/json_text.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> unknown(const std::string& name) {
  std::vector<std::string_view> known;
  for (const eval::Task& task : eval::tasks()) known.push_back(task.name);
  return fail(
      Code::invalid_argument, fmt::format("there is no task, group or data set \"{}\"", name),
      fmt::format("`lode eval --list` has them all: {} ...", fmt::join(known.begin(), known.begin() + 5, ", ")));
}

// What is no name of the registry may be the path of a data set; with a slash it is.
bool is_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return true;
  std::error_code error;
  return eval::find_task(name) == nullptr && eval::find_group(name).empty() && fs::exists(name, error);
}

struct Named {
  std::vector<const eval::Task*> tasks;
  bool is_group = false;
};

// A task goes before a group of the same name.
Result<Named> tasks_of(const std::string& name) {
  if (const eval::Task* const task = eval::find_task(name)) return Named{{task}, false};
  Named out{eval::find_group(name), true};
  if (out.tasks.empty()) return unknown(name);
  return out;
}

std::string_view instruction_from(eval::InstructionFrom from) {
  switch (from) {
    case eval::InstructionFrom::published: return "published";
    case eval::InstructionFrom::inferred: return "inferred";
    case eval::InstructionFrom::ours: return "ours";
  }
  return "";
}

std::string list_row(const eval::Task& task, std::string_view data) {
  const std::string published = task.published ? fmt::format("{:.2f}", *task.published) : "";
  return fmt::format("{:<38} {:<20} {:<8} {:<16} {:>6}  {}\n", task.name, eval::kind_name(task.kind),
                     eval::benchmark_name(task.benchmark), task.main_score, published, data);
}

std::string list_json(const eval::Task& task, const fs::path& folder) {
  nlohmann::ordered_json out{{"task", task.name},
                             {"kind", eval::kind_name(task.kind)},
                             {"benchmark", eval::benchmark_name(task.benchmark)},
                             {"main_score", task.main_score},
                             {"instruction", task.instruction},
                             {"instruction_from", instruction_from(task.instruction_from)},
                             {"folder", folder.string()},
                             {"stand_in", folder.empty() ? "" : task.stand_in}};
  if (task.published) out["published"] = *task.published;
  return json_text(out);
}

std::string average_row(std::string_view name, const std::vector<double>& scores, size_t n_all) {
  double sum = 0;
  for (const double score : scores) sum += score;
  return fmt::format("{:<38} {:>7.2f}  mean of {} of {} tasks\n", name, 100 * sum / static_cast<double>(scores.size()),
                     scores.size(), n_all);
}

}  // namespace

Result<EvalSelection> select_tasks(const std::vector<std::string>& names, const fs::path& data, eval::Rules rules) {
  EvalSelection out;
  const auto is_new = [&](const eval::Task& task) {
    return std::ranges::none_of(out.tasks, [&](const auto& one) { return one.task.name == task.name; }) &&
           std::ranges::find(out.absent, task.name) == out.absent.end();
  };
  for (const std::string& name : names) {
    if (is_path(name)) {
      LODE_ASSIGN(eval::FolderTask folder, eval::recognise(name));
      out.folders.push_back(std::make_unique<eval::FolderTask>(std::move(folder)));
      eval::LocatedTask located = out.folders.back()->located(rules);
      // Results are kept by name.
      if (!is_new(located.task)) {
        return fail(Code::invalid_argument, fmt::format("two tasks are called {}", located.task.name));
      }
      out.tasks.push_back(std::move(located));
      continue;
    }
    LODE_ASSIGN(const Named named, tasks_of(name));
    if (data.empty()) {
      return fail(Code::invalid_argument, "--data is missing", "It names the folder of data sets: sts/, scifact/ ...");
    }
    for (const eval::Task* const task : named.tasks) {
      if (!is_new(*task)) continue;
      auto located = eval::locate(*task, data, rules);
      if (located) {
        out.tasks.push_back(std::move(*located));
      } else if (named.is_group) {
        out.absent.push_back(task->name);
      } else {
        return std::unexpected(std::move(located).error());
      }
    }
  }
  if (out.tasks.empty()) {
    return fail(Code::not_found,
                fmt::format("{} has no data of the {} tasks of {}", data.string(), out.absent.size(), names.front()),
                "`lode eval --list` names the tasks, docs/evaluation.md the layouts.");
  }
  return out;
}

Result<std::string> list_tasks(const std::vector<std::string>& names, const fs::path& data, eval::Rules rules,
                               bool json) {
  std::vector<const eval::Task*> listed;
  for (const std::string& name : names) {
    LODE_ASSIGN(const Named named, tasks_of(name));
    listed.insert(listed.end(), named.tasks.begin(), named.tasks.end());
  }
  if (names.empty()) {
    for (const eval::Task& task : eval::tasks()) listed.push_back(&task);
  }
  std::string out;
  if (!json) {
    out = fmt::format("{:<38} {:<20} {:<8} {:<16} {:>6}  {}\n", "TASK", "KIND", "GROUP", "MAIN SCORE", "CARD", "DATA");
  }
  for (const eval::Task* const task : listed) {
    const auto located = data.empty() ? fail(Code::not_found, "") : eval::locate(*task, data, rules);
    if (json) {
      out += list_json(located ? located->task : *task, located ? located->folder : fs::path());
    } else if (located) {
      const std::string where = located->folder.lexically_relative(data).string();
      const std::string_view stand_in = located->task.stand_in;
      out += list_row(located->task, stand_in.empty() ? where : fmt::format("{} (stand-in: {})", where, stand_in));
    } else {
      out += list_row(*task, data.empty() ? "" : "absent");
    }
  }
  return out;
}

void EvalAverages::add(const eval::Task& task, double score) {
  entries_.push_back({task, score});
}

std::string EvalAverages::rows() const {
  std::string out;
  for (const eval::Benchmark benchmark : {eval::Benchmark::mteb_v1, eval::Benchmark::coir}) {
    std::vector<double> all;
    std::map<eval::TaskKind, std::vector<double>> by_kind;
    for (const Entry& entry : entries_) {
      if (entry.task.benchmark != benchmark) continue;
      all.push_back(entry.score);
      by_kind[entry.task.kind].push_back(entry.score);
    }
    if (all.size() < 2) continue;
    const auto n_known = [&](auto counts) { return static_cast<size_t>(std::ranges::count_if(eval::tasks(), counts)); };
    const std::string_view name = eval::benchmark_name(benchmark);
    for (const auto& [kind, scores] : by_kind) {
      if (by_kind.size() == 1) break;
      out += average_row(
          fmt::format("{} {}", name, eval::kind_name(kind)), scores,
          n_known([&](const eval::Task& task) { return task.benchmark == benchmark && task.kind == kind; }));
    }
    out += average_row(name, all, n_known([&](const eval::Task& task) { return task.benchmark == benchmark; }));
    if (std::ranges::any_of(
            entries_, [&](const Entry& e) { return e.task.benchmark == benchmark && !e.task.stand_in.empty(); })) {
      out += fmt::format("{:<38} stand-ins are among them\n", "");
    }
  }
  return out;
}

}  // namespace lode::apps
