// `lode eval`: the scores of the field's benchmarks, for a model or for BM25.
#include <algorithm>
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
#include "apps/eval_trec.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "base/parallel.h"
#include "eval/evaluation.h"
#include "eval/folder_task.h"
#include "eval/tasks.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct EvalOptions {
  SubjectOptions subject;
  std::vector<std::string> tasks;
  std::string data;
  std::string out;
  std::string run;    // a TREC run in the place of a model
  std::string qrels;  // and in the place of a task
};

// A task by its name, or by the path of its data.
struct Chosen {
  const eval::Task* task = nullptr;
  std::unique_ptr<eval::FolderTask> folder;

  [[nodiscard]] std::string_view name() const { return folder ? std::string_view(folder->name) : task->name; }
  [[nodiscard]] Result<eval::LocatedTask> locate(const fs::path& data, eval::Rules rules) const {
    if (folder) return folder->located();
    return eval::locate(*task, data, rules);
  }
};

Result<std::vector<Chosen>> find_tasks(const std::vector<std::string>& names) {
  std::vector<Chosen> out;
  for (const std::string& name : names) {
    std::error_code error;
    std::vector<const eval::Task*> found = eval::find_group(name);
    if (const eval::Task* const task = eval::find_task(name)) found = {task};
    // Groups overlap.
    for (const eval::Task* const task : found) {
      if (std::ranges::find(out, task, &Chosen::task) == out.end()) out.push_back({task, nullptr});
    }
    if (!found.empty()) continue;
    if (name.find('/') == std::string::npos && !fs::exists(name, error)) {
      std::vector<std::string_view> known;
      for (const eval::Task& one : eval::tasks()) known.push_back(one.name);
      return fail(Code::invalid_argument, fmt::format("there is no task \"{}\"", name),
                  fmt::format("Known are {}, and folders in a known layout.", fmt::join(known, ", ")));
    }
    LODE_ASSIGN(eval::FolderTask folder, eval::recognise(name));
    out.push_back({nullptr, std::make_unique<eval::FolderTask>(std::move(folder))});
  }
  // Results are kept by name.
  for (size_t i = 0; i < out.size(); ++i) {
    const auto same = [&](const Chosen& other) { return other.name() == out[i].name(); };
    if (std::any_of(out.begin(), out.begin() + static_cast<ptrdiff_t>(i), same)) {
      return fail(Code::invalid_argument, fmt::format("two tasks are called {}", out[i].name()));
    }
  }
  return out;
}

Status run_eval(const EvalOptions& options, const Globals& globals) {
  if (!options.qrels.empty()) {
    if (options.run.empty() || !options.tasks.empty()) {
      return fail(Code::invalid_argument, "--qrels takes --run and no task", "lode eval --qrels QRELS --run RUN");
    }
    return print_trec_measures(options.qrels, options.run, globals.json);
  }
  if (options.tasks.empty()) {
    return fail(Code::invalid_argument, "there is no TASK", "lode eval SciFact --data DIR, or a data set's folder.");
  }
  LODE_ASSIGN(const auto tasks, find_tasks(options.tasks));
  if (!options.run.empty() && tasks.size() != 1) {
    return fail(Code::invalid_argument, fmt::format("--run is the ranking of one task, {} were given", tasks.size()));
  }
  const bool by_name = std::ranges::any_of(tasks, [](const Chosen& chosen) { return chosen.folder == nullptr; });
  if (by_name && options.data.empty()) {
    return fail(Code::invalid_argument, "--data is missing", "It names the folder of data sets: sts/, scifact/ ...");
  }
  if (by_name && !fs::is_directory(options.data)) {
    return fail(Code::not_found, fmt::format("--data {} is no folder", options.data),
                "It holds one folder a data set: sts/, scifact/ ...");
  }
  SubjectOptions subject_options = options.subject;
  if (!options.run.empty()) {
    subject_options = {};
    subject_options.model.model = kBm25;  // no model
  }
  LODE_ASSIGN(const EvalSubject subject, EvalSubject::open(subject_options, globals));
  const std::string name = options.run.empty() ? subject.name() : fs::path(options.run).filename().string();
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return fail(Code::io, fmt::format("cannot make {}: {}", options.out, error.message()));
  }
  eval::Evaluation evaluation{
      .encoder = subject.encoder(), .context = subject.context(), .settings = {}, .on_progress = {}};
  evaluation.run = options.run;
  evaluation.settings.n_threads = globals.threads > 0 ? globals.threads : available_cores();

  if (!globals.json) LODE_TRY(write_stdout(eval_table_header()));
  for (const Chosen& task : tasks) {
    Progress progress(std::string(task.name()), 1, Unit::items, globals.quiet);
    evaluation.on_progress = [&](std::string_view what, size_t n_done, size_t n_all) {
      progress.set_label(fmt::format("{} {}", task.name(), what));
      progress.set_total(n_all);
      progress.set(n_done);
      return !interrupted();
    };
    const auto begun = std::chrono::steady_clock::now();
    LODE_ASSIGN(const eval::LocatedTask located, task.locate(options.data, evaluation.settings.rules));
    LODE_ASSIGN(const eval::TaskResult result, eval::evaluate(located, evaluation));
    progress.clear();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const EvalReport report{.task = located.task, .result = result, .model = name, .seconds = seconds};
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
  app.add_option("tasks", options->tasks,
                 "tasks by name, a group (mteb-v1, coir, retrieval, sts ...), or a data set's folder")
      ->type_name("TASK");
  add_subject_options(app, options->subject);
  app.add_option("--data", options->data, "folder of data sets, for tasks by name")->type_name("DIR");
  app.add_option("--run", options->run, "score this TREC run (query Q0 document rank score tag), no model")
      ->type_name("FILE");
  app.add_option("--qrels", options->qrels, "with --run and no task: trec_eval's measures of it by these judgements")
      ->type_name("FILE");
  app.add_option("--out", options->out, "folder for results (JSON) and rankings (TREC runs)")->type_name("DIR");
}

}  // namespace lode::apps
