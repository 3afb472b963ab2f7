// `lode eval`: the scores of the field's benchmarks, for a model or for BM25.
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/command.h"
#include "apps/eval_files.h"
#include "apps/eval_report.h"
#include "apps/eval_subject.h"
#include "apps/eval_table.h"
#include "apps/eval_tasks.h"
#include "apps/eval_trec.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/ranking_options.h"
#include "base/parallel.h"
#include "eval/evaluation.h"
#include "eval/tasks.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct EvalOptions {
  SubjectOptions subject;
  std::vector<std::string> tasks;
  RankingOptions ranking;
  std::string data;
  bool list = false;
  std::string rules = "v1";
  std::string titles = "auto";
  std::string out;
  std::string run;    // a TREC run in the place of a model
  std::string qrels;  // and in the place of a task
  size_t limit = 0;
};

// Terms rank, or somebody else did.
bool without_model(const EvalOptions& options) {
  const bool is_bm25 = options.subject.endpoint.empty() && options.subject.model.model == kBm25;
  return is_bm25 || options.ranking.mode == kBm25 || options.ranking.mode == kLexical || !options.run.empty();
}

Status check_usage(const EvalOptions& options) {
  if (!options.qrels.empty() && (options.run.empty() || !options.tasks.empty())) {
    return fail(Code::invalid_argument, "--qrels takes --run and no task", "lode eval --qrels QRELS --run RUN");
  }
  if (!options.qrels.empty() && (!options.out.empty() || options.limit > 0)) {
    return fail(Code::invalid_argument, "--qrels prints measures of the whole run: it knows no --out and no --limit");
  }
  const bool has_model = !options.subject.model.model.empty() && options.subject.model.model != kBm25;
  if (without_model(options) && (has_model || !options.subject.endpoint.empty())) {
    return fail(Code::invalid_argument, "a model was given, and something else to rank in its place",
                "Leave out --model and --endpoint, or --run and --mode bm25 (or lexical).");
  }
  if (options.qrels.empty() && !options.list && options.tasks.empty()) {
    return fail(Code::invalid_argument, "no TASK is given",
                "`lode eval --list` has the tasks; a data set's folder is one too. `lode eval --help` has an example.");
  }
  if (!options.data.empty() && !fs::is_directory(options.data)) {
    return fail(Code::not_found, fmt::format("--data {} is no folder", options.data),
                "It holds one folder a data set: sts/, scifact/ ...");
  }
  return {};
}

Status run_eval(const EvalOptions& options, const Globals& globals) {
  LODE_TRY(check_usage(options));
  if (!options.qrels.empty()) return print_trec_measures(options.qrels, options.run, globals.json);
  const eval::Rules rules = options.rules == "v2" ? eval::Rules::mteb_v2 : eval::Rules::mteb_v1;
  if (options.list) {
    LODE_ASSIGN(const std::string list, list_tasks(options.tasks, options.data, rules, globals.json));
    return write_stdout(list);
  }
  LODE_ASSIGN(const EvalSelection selection, select_tasks(options.tasks, options.data, rules));
  if (!options.run.empty() && selection.tasks.size() != 1) {
    return fail(Code::invalid_argument,
                fmt::format("--run is the ranking of one task, {} were given", selection.tasks.size()));
  }
  eval::Settings settings;
  LODE_TRY(options.ranking.apply(without_model(options), settings));
  settings.rules = rules;
  settings.titles = options.titles == "on"    ? eval::Titles::on
                    : options.titles == "off" ? eval::Titles::off
                                              : eval::Titles::automatic;
  settings.limit = options.limit;
  settings.n_threads = globals.threads > 0 ? globals.threads : available_cores();
  SubjectOptions subject_options = options.subject;
  if (without_model(options)) {
    subject_options = {};
    subject_options.model.model = settings.mode == eval::Mode::lexical ? kLexical : kBm25;
  }
  LODE_ASSIGN(const EvalSubject subject, EvalSubject::open(subject_options, globals));
  EvalModel model = subject.model();
  if (!options.run.empty()) {
    LODE_ASSIGN(model, describe_run(options.run));
  }
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return fail(Code::io, fmt::format("cannot make {}: {}", options.out, error.message()));
  }
  eval::Evaluation evaluation{
      .encoder = subject.encoder(), .context = subject.context(), .settings = settings, .on_progress = {}};
  evaluation.run = options.run;

  EvalTable table(selection.tasks);
  if (!globals.json) LODE_TRY(write_stdout(table.header()));
  EvalAverages averages;
  for (const eval::LocatedTask& located : selection.tasks) {
    const eval::Task& task = located.task;
    Progress progress(std::string(task.name), 1, Unit::shares, globals.quiet);
    eval::TextWork work;
    evaluation.work = &work;
    evaluation.on_progress = [&](std::string_view what, size_t n_done, size_t n_all) {
      progress.set_label(fmt::format("{}  {} {}/{}", task.name, what, n_done, n_all));
      const bool encodes = work.n_all > 0;  // texts are weighed, over all stages; other work is counted
      progress.set_total(encodes ? work.n_all : n_all);
      progress.set_before(work.n_before);
      progress.set(encodes ? work.n_done : n_done);
      return !interrupted();
    };
    const auto begun = std::chrono::steady_clock::now();
    LODE_ASSIGN(eval::TaskResult result, eval::evaluate(located, evaluation));
    progress.clear();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const EvalReport report{.task = task,
                            .result = std::move(result),
                            .model = model,
                            .rules = rules,
                            .limit = options.limit,
                            .seconds = seconds,
                            .data = located.folder.parent_path()};
    if (!options.out.empty()) LODE_TRY(keep_eval(options.out, report));
    LODE_TRY(write_stdout(globals.json ? eval_json(report) : table.row(report)));
    averages.add(task, report.main_score());
  }
  if (!globals.json) LODE_TRY(write_stdout(averages.rows() + table.notes()));
  if (!selection.absent.empty()) {
    print_message(fmt::format("without data here: {}", fmt::join(selection.absent, ", ")));
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
                 "tasks by name, a group (mteb-v1, coir, retrieval, sts ...), or a data set's folder or file")
      ->type_name("TASK");
  app.add_flag("--list", options->list, "the tasks that are known (of TASK), and with --data which have their data");
  add_subject_options(app, options->subject);
  app.add_option("--limit", options->limit,
                 "only the first N queries, pairs or issues: for trying things out, no score (default: all)")
      ->check(CLI::Range(1, 1 << 30))
      ->type_name("N");
  app.add_option("--data", options->data, "folder of data sets, for tasks by name")->type_name("DIR");
  app.add_option("--run", options->run, "score this TREC run (query Q0 document rank score tag), no model")
      ->type_name("FILE");
  app.add_option("--qrels", options->qrels, "with --run and no task: trec_eval's measures of it by these judgements")
      ->type_name("FILE");
  app.add_option("--rules", options->rules, "MTEB's rules where they changed: those of the cards (v1) or today's (v2)")
      ->check(CLI::IsMember({"v1", "v2"}))
      ->capture_default_str();
  app.add_option("--titles", options->titles, "documents' titles in front of their texts: auto is as the task has it")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  app.add_option("--out", options->out, "folder for results in MTEB's layout, scores by item and TREC runs")
      ->type_name("DIR");
  add_ranking_options(app, options->ranking);
}

}  // namespace lode::apps
