// `lode eval`: the scores of the field's benchmarks, for a model or for BM25.
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/model_options.h"
#include "apps/progress.h"
#include "eval/correlation.h"
#include "eval/encoder.h"
#include "eval/jsonl.h"
#include "eval/retrieval.h"
#include "eval/sts.h"
#include "eval/swebench.h"
#include "eval/tasks.h"
#include "kernels/context.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kBm25 = "bm25";

struct EvalOptions {
  ModelOptions model;
  std::vector<std::string> tasks;
  std::string data;
  std::string out;
};

struct Outcome {
  std::vector<eval::Measure> scores;
  std::string run;  // in TREC's format; empty: not a ranking
};

fs::path data_file(const fs::path& folder, std::string_view name) {
  return eval::find_packed(folder, std::string(name)).value_or(folder / name);
}

class Evaluation {
 public:
  Evaluation(const EvalOptions& options, const Globals& globals) : options_(options), globals_(globals) {}

  Status open() {
    if (options_.model.model == kBm25) return {};
    LODE_ASSIGN(embedder_, open_embedder(options_.model, globals_));
    LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
    pool_ = std::make_unique<ThreadPool>(embedder_->n_threads());
    context_ = std::make_unique<kernels::Context>(*path, *pool_);
    return {};
  }
  [[nodiscard]] std::string model_name() const {
    if (!embedder_) return kBm25;
    return options_.model.model.empty() ? "default" : options_.model.model;
  }

  Result<Outcome> run(const eval::Task& task) {
    const fs::path folder = fs::path(options_.data) / task.folder;
    switch (task.kind) {
      case eval::TaskKind::retrieval: return retrieval(task, folder);
      case eval::TaskKind::sts: return sts(task, folder);
      case eval::TaskKind::swebench: return swebench(task, folder);
    }
    return fail(Code::internal, "a task of no kind");
  }

 private:
  // Draws the progress of one task's texts, and ends it at Ctrl-C.
  class Watched {
   public:
    Watched(embed::Embedder& embedder, const eval::Task& task, bool quiet)
        : progress_(std::string(task.name), 1, Unit::items, quiet),
          encoder_(embedder, [this](size_t n_done, size_t n_all) {
            progress_.set_total(n_all);
            progress_.set(n_done);
            return !interrupted();
          }) {}
    eval::Encoder& encoder() { return encoder_; }

   private:
    Progress progress_;
    eval::ModelEncoder encoder_;
  };

  Result<Outcome> retrieval(const eval::Task& task, const fs::path& folder) {
    LODE_ASSIGN(const eval::RetrievalData data, eval::read_retrieval_data(folder, task.split));
    eval::Run run;
    if (embedder_) {
      Watched watched(*embedder_, task, globals_.quiet);
      LODE_ASSIGN(run, eval::retrieve_dense(data, watched.encoder(), *context_, task.instruction));
    } else {
      run = eval::retrieve_bm25(data, {});
    }
    LODE_ASSIGN(const eval::RetrievalScores scores, eval::score_run(data, run));
    Outcome out{.scores = scores.mean, .run = {}};
    for (size_t q = 0; q < run.size(); ++q) {
      for (size_t rank = 0; rank < run[q].size(); ++rank) {
        add_run_line(out.run, data.queries[q].id, run[q][rank].document, rank + 1, run[q][rank].score);
      }
    }
    return out;
  }

  Result<Outcome> sts(const eval::Task& task, const fs::path& folder) {
    if (!embedder_) {
      return fail(Code::invalid_argument, fmt::format("{} compares vectors, which BM25 has not", task.name),
                  "Give a model with --model.");
    }
    LODE_ASSIGN(const auto pairs, eval::read_scored_pairs(data_file(folder, task.split)));
    std::vector<std::string> texts;
    for (const eval::ScoredPair& pair : pairs) texts.push_back(pair.first);
    for (const eval::ScoredPair& pair : pairs) texts.push_back(pair.second);
    Watched watched(*embedder_, task, globals_.quiet);
    LODE_ASSIGN(const std::vector<float> vectors,
                watched.encoder().encode(texts, embed::InputType::query, task.instruction));
    const auto n_dims = static_cast<size_t>(embedder_->dims());
    std::vector<double> cosines, gold;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const float* const a = vectors.data() + i * n_dims;
      const float* const b = vectors.data() + (pairs.size() + i) * n_dims;
      double dot = 0;
      for (size_t d = 0; d < n_dims; ++d) dot += static_cast<double>(a[d]) * static_cast<double>(b[d]);
      cosines.push_back(dot);
      gold.push_back(pairs[i].score);
    }
    return Outcome{.scores = {{"cosine_spearman", eval::spearman(cosines, gold)},
                              {"cosine_pearson", eval::pearson(cosines, gold)}},
                   .run = {}};
  }

  Result<Outcome> swebench(const eval::Task& task, const fs::path& folder) {
    if (embedder_) {
      return fail(Code::unsupported, fmt::format("{} is ranked by BM25 only so far", task.name), "Use --model bm25.");
    }
    LODE_ASSIGN(const auto issues, eval::read_issues(data_file(folder, task.split)));
    Progress progress(std::string(task.name), issues.size(), Unit::items, globals_.quiet);
    eval::SwebenchOptions options;
    options.n_threads = globals_.threads > 0 ? globals_.threads : available_cores();
    options.on_repository = [&](std::string_view, size_t n_issues) { progress.add(n_issues); };
    LODE_ASSIGN(const auto rankings, eval::rank_by_bm25(folder / "corpus", issues, options));
    progress.clear();

    Outcome out;
    for (const int64_t cut : {1, 2, 3, 5, 10, 20, 50, 100, 200}) {
      const auto n_found = std::ranges::count_if(
          rankings, [&](const eval::IssueRanking& ranking) { return ranking.rank > 0 && ranking.rank <= cut; });
      out.scores.push_back(
          {fmt::format("recall_at_{}", cut), static_cast<double>(n_found) / static_cast<double>(issues.size())});
    }
    for (const eval::IssueRanking& ranking : rankings) {
      for (size_t rank = 0; rank < ranking.best.size(); ++rank) {
        add_run_line(out.run, ranking.id, ranking.best[rank].path, rank + 1, ranking.best[rank].score);
      }
    }
    return out;
  }

  void add_run_line(std::string& out, std::string_view query, std::string_view document, size_t rank,
                    double score) const {
    out += fmt::format("{} Q0 {} {} {:.9g} {}\n", query, document, rank, score, embedder_ ? "lode" : kBm25);
  }

  const EvalOptions& options_;
  const Globals& globals_;
  std::unique_ptr<embed::Embedder> embedder_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<kernels::Context> context_;
};

double score_of(const Outcome& outcome, std::string_view name) {
  for (const eval::Measure& measure : outcome.scores) {
    if (measure.name == name) return measure.value;
  }
  return std::nan("");
}

Json report_of(const eval::Task& task, const Outcome& outcome, const std::string& model, double seconds) {
  Json scores = Json::object();
  for (const eval::Measure& measure : outcome.scores) scores[measure.name] = measure.value;
  Json out{{"task", task.name},
           {"kind", eval::kind_name(task.kind)},
           {"main_score", score_of(outcome, task.main_score)},
           {"main_score_name", task.main_score},
           {"scores", std::move(scores)},
           {"model", model},
           {"seconds", seconds}};
  if (!task.stand_in.empty()) out["stand_in"] = task.stand_in;
  return out;
}

Status write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return fail(Code::io, fmt::format("cannot write {}", path.string()));
  return {};
}

Status run_eval(const EvalOptions& options, const Globals& globals) {
  std::vector<const eval::Task*> chosen;
  for (const std::string& name : options.tasks) {
    const eval::Task* const task = eval::find_task(name);
    if (task == nullptr) {
      std::vector<std::string_view> known;
      for (const eval::Task& one : eval::tasks()) known.push_back(one.name);
      return fail(Code::invalid_argument, fmt::format("there is no task \"{}\"", name),
                  fmt::format("Known are {}.", fmt::join(known, ", ")));
    }
    chosen.push_back(task);
  }
  if (!fs::is_directory(options.data)) {
    return fail(Code::not_found, fmt::format("--data {} is no folder", options.data),
                "It holds one folder a data set: sts/, scifact/ ...");
  }
  Evaluation evaluation(options, globals);
  LODE_TRY(evaluation.open());
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return fail(Code::io, fmt::format("cannot make {}: {}", options.out, error.message()));
  }
  if (!globals.json) {
    LODE_TRY(write_stdout(fmt::format("{:<16} {:>7}  {:<16} {:<20} {:>8}\n", "TASK", "SCORE", "", "MODEL", "SECONDS")));
  }
  for (const eval::Task* const task : chosen) {
    const auto begun = std::chrono::steady_clock::now();
    LODE_ASSIGN(const Outcome outcome, evaluation.run(*task));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const Json report = report_of(*task, outcome, evaluation.model_name(), seconds);
    if (!options.out.empty()) {
      const fs::path base = fs::path(options.out) / task->name;
      LODE_TRY(write_file(base.string() + ".json", report.dump(2) + "\n"));
      if (!outcome.run.empty()) LODE_TRY(write_file(base.string() + ".trec", outcome.run));
    }
    if (globals.json) {
      LODE_TRY(write_stdout(report.dump() + "\n"));
      continue;
    }
    std::string line =
        fmt::format("{:<16} {:>7.2f}  {:<16} {:<20} {:>8.1f}\n", task->name, 100 * score_of(outcome, task->main_score),
                    task->main_score, evaluation.model_name(), seconds);
    if (!task->stand_in.empty()) line += fmt::format("{:<16} stand-in: {}\n", "", task->stand_in);
    LODE_TRY(write_stdout(line));
  }
  return {};
}

}  // namespace

void add_eval(Commands& commands) {
  const auto options = std::make_shared<EvalOptions>();
  CLI::App& app = commands.add("eval", "Compute a benchmark's scores for a model or for BM25",
                               "lode eval SciFact swebench-lite --model bm25 --data ../shared/data",
                               [options, &commands] { return run_eval(*options, commands.globals()); });
  app.add_option("tasks", options->tasks, "STSBenchmark, SICK-R, SciFact, CosQA, swebench-lite")
      ->required()
      ->type_name("TASK");
  add_model_options(app, options->model);
  app.add_option("--data", options->data, "folder of data sets")->required()->type_name("DIR");
  app.add_option("--out", options->out, "folder for results (JSON) and rankings (TREC runs)")->type_name("DIR");
}

}  // namespace lode::apps
