// `lode eval`: the scores of the field's benchmarks, for a model or for BM25.
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/command.h"
#include "apps/eval_report.h"
#include "apps/eval_subject.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "base/parallel.h"
#include "eval/evaluation.h"
#include "eval/tasks.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct EvalOptions {
  SubjectOptions subject;
  std::vector<std::string> tasks;
  std::string data;
  std::string out;
};

Result<std::vector<const eval::Task*>> find_tasks(const std::vector<std::string>& names) {
  std::vector<const eval::Task*> out;
  for (const std::string& name : names) {
    const eval::Task* const task = eval::find_task(name);
    if (const auto group = eval::find_group(name); task == nullptr && !group.empty()) {
      out.insert(out.end(), group.begin(), group.end());
      continue;
    }
    if (task == nullptr) {
      std::vector<std::string_view> known;
      for (const eval::Task& one : eval::tasks()) known.push_back(one.name);
      return fail(Code::invalid_argument, fmt::format("there is no task \"{}\"", name),
                  fmt::format("Known are {}.", fmt::join(known, ", ")));
    }
    out.push_back(task);
  }
  return out;
}

Status run_eval(const EvalOptions& options, const Globals& globals) {
  LODE_ASSIGN(const auto tasks, find_tasks(options.tasks));
  if (!fs::is_directory(options.data)) {
    return fail(Code::not_found, fmt::format("--data {} is no folder", options.data),
                "It holds one folder a data set: sts/, scifact/ ...");
  }
  LODE_ASSIGN(const EvalSubject subject, EvalSubject::open(options.subject, globals));
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return fail(Code::io, fmt::format("cannot make {}: {}", options.out, error.message()));
  }
  eval::Evaluation evaluation{
      .encoder = subject.encoder(), .context = subject.context(), .settings = {}, .on_progress = {}};
  evaluation.settings.n_threads = globals.threads > 0 ? globals.threads : available_cores();

  if (!globals.json) LODE_TRY(write_stdout(eval_table_header()));
  for (const eval::Task* const task : tasks) {
    Progress progress(std::string(task->name), 1, Unit::items, globals.quiet);
    evaluation.on_progress = [&](std::string_view what, size_t n_done, size_t n_all) {
      progress.set_label(fmt::format("{} {}", task->name, what));
      progress.set_total(n_all);
      progress.set(n_done);
      return !interrupted();
    };
    const auto begun = std::chrono::steady_clock::now();
    LODE_ASSIGN(const eval::LocatedTask located, eval::locate(*task, options.data, evaluation.settings.rules));
    LODE_ASSIGN(const eval::TaskResult result, eval::evaluate(located, evaluation));
    progress.clear();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const EvalReport report{.task = located.task, .result = result, .model = subject.name(), .seconds = seconds};
    if (!options.out.empty()) LODE_TRY(keep_eval(options.out, report));
    LODE_TRY(write_stdout(globals.json ? eval_json(report, false) : eval_table_row(report)));
  }
  if (const std::string line = subject.cache_line(); !line.empty() && !globals.quiet) print_message(line);
  return {};
}

}  // namespace

void add_eval(Commands& commands) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App& app = commands.add("eval", "Compute a benchmark's scores for a model or for BM25",
                               "lode eval SciFact swebench-lite --model bm25 --data ../shared/data",
                               [options, &commands] { return run_eval(*options, commands.globals()); });
  app.add_option("tasks", options->tasks, "tasks by name, or a group: mteb-v1, coir, retrieval, sts ...")
      ->required()
      ->type_name("TASK");
  add_subject_options(app, options->subject);
  app.add_option("--data", options->data, "folder of data sets")->required()->type_name("DIR");
  app.add_option("--out", options->out, "folder for results (JSON) and rankings (TREC runs)")->type_name("DIR");
}

}  // namespace lode::apps
