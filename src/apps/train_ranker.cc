// `lode train-ranker`: the weights of the ranking that `lode search` uses, learnt from texts that each led to one file.
#include "eval/train_ranker.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/progress.h"
#include "apps/staged_file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "index/feature_rows.h"

namespace lode::apps {
namespace {

struct TrainRankerOptions {
  std::string data;
  std::string out;
  double l2 = eval::ListwiseOptions{}.l2;
  bool groups = false;
};

std::vector<std::string_view> groups_of_features() {
  std::vector<std::string_view> out;
  for (const index::FeatureRow& row : index::kFeatureRows) {
    if (out.empty() || out.back() != row.group) out.push_back(row.group);
  }
  return out;
}

// Scores as a line of the table, and as JSON.
struct Line {
  std::string what;
  eval::RankerScores scores;
};

std::string table_row(const Line& line) {
  return fmt::format("{:<34} {:>5} {:>6} {:>6} {:>6}   {:.4f}\n", line.what, line.scores.n, line.scores.n_first,
                     line.scores.n_first_5, line.scores.n_first_10, line.scores.mrr);
}

std::string json_row(const Line& line) {
  return nlohmann::ordered_json{{"what", line.what},
                                {"instances", line.scores.n},
                                {"recall_at_1", line.scores.n_first},
                                {"recall_at_5", line.scores.n_first_5},
                                {"recall_at_10", line.scores.n_first_10},
                                {"mrr", line.scores.mrr}}
             .dump() +
         "\n";
}

// The ranker's file: rounded weights, so that a difference in the last bits of a machine's sums changes nothing.
// No scores: of a single repository.
std::string ranker_file(const std::vector<double>& weights, size_t n_instances,
                        const std::optional<eval::RankerScores>& scores, double l2) {
  nlohmann::ordered_json named;
  for (const index::FeatureRow& row : index::kFeatureRows) {
    const double weight = weights[static_cast<size_t>(row.feature)];
    named[std::string(row.name)] = std::stod(fmt::format("{:.4f}", weight));
  }
  nlohmann::ordered_json left_out;
  if (scores) left_out = {{"recall_at_1", scores->n_first}, {"recall_at_5", scores->n_first_5}};
  const nlohmann::ordered_json file = {
      {"format", 1}, {"made_by", "lode train-ranker"},       {"instances", n_instances},
      {"l2", l2},    {"leave_one_repository_out", left_out}, {"weights", named}};
  return file.dump(2) + "\n";
}

// Prints how good the weights are on repositories that they were not learnt from: -> the scores of all.
Result<eval::RankerScores> print_scores(std::vector<eval::RankerInstance>& instances, const eval::ListwiseOptions& fit,
                                        bool groups, const Globals& globals, int n_threads) {
  const auto print = [&](const Line& line) { return write_stdout(globals.json ? json_row(line) : table_row(line)); };
  if (!globals.json) {
    LODE_TRY(write_stdout(fmt::format("{:<34} {:>5} {:>6} {:>6} {:>6}   {}\n", "leave one repository out", "n", "R@1",
                                      "R@5", "R@10", "MRR")));
  }
  LODE_ASSIGN(const eval::CrossValidation whole, eval::cross_validate(instances, index::kFeatures, {}, fit, n_threads));
  for (const auto& [repo, scores] : whole.repositories) LODE_TRY(print({repo, scores}));
  LODE_TRY(print({"all", whole.all}));
  if (groups) {
    std::vector<size_t> later;  // features of the groups that are still to come
    for (size_t i = 0; i < index::kFeatures; ++i) later.push_back(i);
    for (const std::string_view group : groups_of_features()) {
      std::vector<size_t> own;
      for (const index::FeatureRow& row : index::kFeatureRows) {
        if (row.group == group) own.push_back(static_cast<size_t>(row.feature));
      }
      std::erase_if(later, [&](size_t feature) { return std::ranges::find(own, feature) != own.end(); });
      if (interrupted()) return fail(Code::cancelled, "interrupted");
      LODE_ASSIGN(const auto up_to, eval::cross_validate(instances, index::kFeatures, later, fit, n_threads));
      LODE_TRY(print({fmt::format("up to: {}", group), up_to.all}));
      LODE_ASSIGN(const auto left, eval::cross_validate(instances, index::kFeatures, own, fit, n_threads));
      LODE_TRY(print({fmt::format("without: {}", group), left.all}));
    }
  }
  return whole.all;
}

Status train_ranker(const TrainRankerOptions& options, const Globals& globals) {
  const int n_threads = globals.threads > 0 ? globals.threads : available_cores();
  eval::RankerData data;
  {
    Progress progress("reading repositories", 0, Unit::items, globals.quiet);
    LODE_ASSIGN(data, eval::read_ranker_instances(
                          options.data, {.n_threads = n_threads, .on_repository = [&](std::string_view, size_t) {
                                           progress.add(1);
                                           return !interrupted();
                                         }}));
  }
  if (data.n_lost > 0) {
    log::warn("{} of {} instances are left out, their right file is none of their candidates; the first is {}",
              data.n_lost, data.n_lost + data.instances.size(), data.first_lost);
  }
  const eval::ListwiseOptions fit{.l2 = options.l2};
  std::optional<eval::RankerScores> scores;
  if (data.has_several_repositories()) {
    LODE_ASSIGN(scores, print_scores(data.instances, fit, options.groups, globals, n_threads));
  } else if (options.out.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("all instances are of {}: with it left out, nothing is left to learn from",
                            data.instances.front().repo),
                "Add a second repository, or give -o for weights without scores.");
  } else {
    log::warn(
        "all instances are of {}: the weights are learnt, but without another repository nothing says how good "
        "they are",
        data.instances.front().repo);
  }
  if (options.out.empty()) return {};
  LODE_ASSIGN(const std::vector<double> weights, eval::fit_ranker(data.instances, index::kFeatures, fit));
  return write_whole_file(options.out, ranker_file(weights, data.instances.size(), scores, options.l2));
}

}  // namespace

void add_train_ranker(Commands& commands) {
  const auto options = std::make_shared<TrainRankerOptions>();
  CLI::App& app = commands.add("train-ranker", "Learn the weights of the file ranking of `lode search`",
                               "lode train-ranker ../shared/data/mined_rank -o ranker.json",
                               [options, &commands] { return train_ranker(*options, commands.globals()); });
  app.add_option("data", options->data,
                 "folder with instances.jsonl (instance_id, repo, base_commit, query, gold; also .gz) and corpus/")
      ->required()
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  app.add_option("-o,--output", options->out, "the ranker's file; without it only the scores are printed")
      ->type_name("FILE");
  app.add_option("--l2", options->l2, "how much large weights cost")
      ->check(CLI::Validator(
          [](const std::string& given) {
            const double l2 = std::strtod(given.c_str(), nullptr);
            return l2 > 0 && std::isfinite(l2) ? std::string() : fmt::format("{} is no number above 0", given);
          },
          "", "above 0"))
      ->capture_default_str();
  app.add_flag("--groups", options->groups, "also the scores of growing sets of feature groups, and without each");
}

}  // namespace lode::apps
