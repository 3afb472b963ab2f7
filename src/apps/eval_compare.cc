// `lode eval compare`: two results of the same tasks, item by item.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/eval_chart.h"
#include "apps/eval_results.h"
#include "apps/json_text.h"
#include "apps/process.h"
#include "apps/staged_file.h"
#include "eval/comparison.h"
#include "eval/paired_tests.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct CompareOptions {
  std::string first;
  std::string second;
  std::vector<std::string> tasks;
  std::string measure;
  std::string svg;
  size_t n_items = 5;
};

using Pair = std::pair<StoredResult, StoredResult>;

std::vector<std::string> task_names(const std::vector<StoredResult>& results) {
  std::vector<std::string> out;
  for (const StoredResult& result : results) out.push_back(result.task);
  return out;
}

// The tasks of both, or those that were asked for.
Result<std::vector<Pair>> common(const CompareOptions& options) {
  LODE_ASSIGN(const auto first, find_results(options.first));
  LODE_ASSIGN(const auto second, find_results(options.second));
  std::vector<Pair> out;
  for (const std::string& task : options.tasks.empty() ? task_names(first) : options.tasks) {
    const auto a = std::ranges::find(first, task, &StoredResult::task);
    const auto b = std::ranges::find(second, task, &StoredResult::task);
    if (a != first.end() && b != second.end()) {
      out.emplace_back(*a, *b);
    } else if (!options.tasks.empty()) {
      const bool lacks_first = a == first.end();
      return fail(Code::not_found,
                  fmt::format("{} has no result of {}", lacks_first ? options.first : options.second, task),
                  fmt::format("It has {}.", fmt::join(task_names(lacks_first ? first : second), ", ")));
    }
  }
  if (out.empty()) {
    return fail(Code::not_found, fmt::format("the results have no task in common: {} and {}",
                                             fmt::join(task_names(first), ", "), fmt::join(task_names(second), ", ")));
  }
  return out;
}

Status same_data(const StoredResult& a, const StoredResult& b) {
  if (a.data.empty() || b.data.empty() || a.data == b.data) return {};
  for (const auto& [file, sum] : a.data) {
    const auto other = std::ranges::find(b.data, file, [](const auto& one) { return one.first; });
    if (other == b.data.end()) {
      return fail(Code::corrupt, fmt::format("{}: the first result read {}, the second did not", a.task, file),
                  "Compare results of the same data.");
    }
    if (other->second != sum) {
      return fail(Code::corrupt,
                  fmt::format("{}: the results are of different data, {} had other contents (SHA-256 {} and {})",
                              a.task, file, sum.substr(0, 12), other->second.substr(0, 12)),
                  "Evaluate both on the same data.");
    }
  }
  return fail(Code::corrupt, fmt::format("{}: the second result read files that the first did not", a.task),
              "Compare results of the same data.");
}

Result<ComparedTask> compare_task(const Pair& pair, const std::string& asked) {
  const auto& [a, b] = pair;
  LODE_TRY(same_data(a, b));
  LODE_ASSIGN(const eval::ItemScores first, read_items(a));
  LODE_ASSIGN(const eval::ItemScores second, read_items(b));
  ComparedTask out{.task = a.task, .measure = asked, .item = first.item, .ids = first.ids, .result = {}};
  if (asked.empty())
    out.measure = a.main_score.empty() && !first.measures.empty() ? first.measures.front() : a.main_score;
  auto result = eval::compare(first, second, out.measure);
  if (!result) {
    Error error = std::move(result).error();
    error.message = fmt::format("{}: {}", a.task, error.message);
    return std::unexpected(std::move(error));
  }
  out.result = *std::move(result);
  return out;
}

// Rows of the largest differences, the largest first.
std::vector<size_t> largest(const ComparedTask& task, size_t n) {
  const std::vector<double>& d = task.result.differences;
  std::vector<size_t> out(d.size());
  std::iota(out.begin(), out.end(), size_t{0});
  std::ranges::stable_sort(out, std::ranges::greater{}, [&](size_t i) { return std::abs(d[i]); });
  std::erase_if(out, [&](size_t i) { return d[i] == 0; });
  out.resize(std::min(n, out.size()));
  return out;
}

std::string signed_number(double x) {
  return fmt::format("{:+.2f}", x);
}

std::string p_number(double p) {
  return p < 0.0001 ? fmt::format("{:.0e}", p) : fmt::format("{:.4f}", p);
}

std::string table(const std::vector<ComparedTask>& tasks) {
  size_t task_width = 4, measure_width = 7;
  for (const ComparedTask& task : tasks) {
    task_width = std::max(task_width, task.task.size());
    measure_width = std::max(measure_width, task.measure.size());
  }
  std::string out = fmt::format("{:<{}}  {:<{}} {:>6} {:>7} {:>7} {:>7}  {:<17} {:>6} {:>6} {:>6} {:>7} {:>7}  {}\n",
                                "TASK", task_width, "MEASURE", measure_width, "ITEMS", "A", "B", "B - A",
                                "95 % INTERVAL", "BETTER", "WORSE", "EQUAL", "P", "P HOLM", "TEST");
  for (const ComparedTask& task : tasks) {
    const eval::Comparison& result = task.result;
    const double scale = task.scale();
    const auto count = [&](size_t n) { return result.differences.empty() ? "-" : fmt::format("{}", n); };
    out += fmt::format("{:<{}}  {:<{}} {:>6} {:>7.2f} {:>7.2f} {:>7}  {:<17} {:>6} {:>6} {:>6} {:>7} {:>7}  {}\n",
                       task.task, task_width, task.measure, measure_width, result.n_items, result.first * scale,
                       result.second * scale, signed_number(result.difference * scale),
                       fmt::format("{} to {}", signed_number(result.interval.low * scale),
                                   signed_number(result.interval.high * scale)),
                       count(result.n_better), count(result.n_worse), count(result.n_equal), p_number(result.p),
                       p_number(task.p_holm), eval::test_name(result.test));
  }
  return out;
}

std::string largest_table(const ComparedTask& task, size_t n) {
  const std::vector<size_t> rows = largest(task, n);
  if (rows.empty()) return {};
  std::string out = fmt::format("\n{}, largest differences\n", task.task);
  size_t width = task.item.size();
  for (const size_t i : rows) width = std::max(width, task.ids[i].size());
  out += fmt::format("  {:<{}} {:>7} {:>7} {:>7}\n", task.item, width, "A", "B", "B - A");
  for (const size_t i : rows) {
    const double scale = task.scale();
    out += fmt::format("  {:<{}} {:>7.2f} {:>7.2f} {:>7}\n", task.ids[i], width, task.result.first_items[i] * scale,
                       task.result.second_items[i] * scale, signed_number(task.result.differences[i] * scale));
  }
  return out;
}

std::string json_line(const ComparedTask& task, const Pair& pair, size_t n) {
  using Json = nlohmann::ordered_json;
  const eval::Comparison& result = task.result;
  const auto interval = [](const eval::Interval& one) { return Json::array({one.low, one.high}); };
  const auto side = [&](const StoredResult& stored, double score, const eval::Interval& one) {
    return Json{{"model", stored.model}, {"revision", stored.revision}, {"score", score}, {"interval", interval(one)}};
  };
  Json out{{"task", task.task},
           {"measure", task.measure},
           {"n_items", result.n_items},
           {"a", side(pair.first, result.first, result.first_interval)},
           {"b", side(pair.second, result.second, result.second_interval)},
           {"difference", result.difference},
           {"interval", interval(result.interval)},
           {"test", eval::test_name(result.test)},
           {"p", result.p},
           {"p_holm", task.p_holm}};
  if (!result.differences.empty()) {
    out["better"] = result.n_better;
    out["worse"] = result.n_worse;
    out["equal"] = result.n_equal;
    out["largest"] = Json::array();
    for (const size_t i : largest(task, n)) {
      out["largest"].push_back({{"id", task.ids[i]},
                                {"a", task.result.first_items[i]},
                                {"b", task.result.second_items[i]},
                                {"difference", result.differences[i]}});
    }
  }
  return json_text(out);
}

// The model where the two differ in it, else where the results lie.
std::string side_name(const StoredResult& one, const StoredResult& other, const std::string& path) {
  if (one.model.empty() || one.model == other.model) return path;
  return one.model;
}

Status run_compare(const CompareOptions& options, const Globals& globals) {
  LODE_ASSIGN(const std::vector<Pair> pairs, common(options));
  std::vector<ComparedTask> tasks;
  std::vector<double> p;
  for (const Pair& pair : pairs) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    if (pair.first.rules != pair.second.rules && !globals.quiet) {
      print_message(fmt::format("{}: by the rules {} and {}", pair.first.task, pair.first.rules, pair.second.rules));
    }
    LODE_ASSIGN(tasks.emplace_back(), compare_task(pair, options.measure));
    p.push_back(tasks.back().result.p);
  }
  const std::vector<double> corrected = eval::holm(p);
  for (size_t i = 0; i < tasks.size(); ++i) tasks[i].p_holm = corrected[i];

  const auto& [a, b] = pairs.front();
  const std::string first_name = side_name(a, b, options.first), second_name = side_name(b, a, options.second);
  if (!options.svg.empty()) {
    LODE_TRY(write_whole_file(options.svg, comparison_chart(tasks, first_name, second_name)));
  }
  if (globals.json) {
    for (size_t i = 0; i < tasks.size(); ++i) LODE_TRY(write_stdout(json_line(tasks[i], pairs[i], options.n_items)));
    return {};
  }
  LODE_TRY(write_stdout(fmt::format("A  {}\nB  {}\n\n{}", first_name, second_name, table(tasks))));
  for (const ComparedTask& task : tasks) LODE_TRY(write_stdout(largest_table(task, options.n_items)));
  return {};
}

}  // namespace

void add_eval_compare(Commands& commands) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App& app = commands.add("eval compare", "Compare two results of `lode eval`, item by item",
                               "lode eval compare results/bm25 results/nvidia__NV-Embed-v1 --svg difference.svg",
                               [options, &commands] { return run_compare(*options, commands.globals()); });
  app.add_option("a", options->first, "what --out kept: a folder, a TASK.json or a TASK.items.jsonl")
      ->required()
      ->type_name("A");
  app.add_option("b", options->second, "the same of the other")->required()->type_name("B");
  app.add_option("--task", options->tasks, "Only these tasks (default: all that both have)")->type_name("TASK");
  app.add_option("--measure", options->measure, "A measure of the items (default: the task's main score)")
      ->type_name("M");
  app.add_option("--svg", options->svg, "Write a chart")->type_name("FILE");
  app.add_option("--items", options->n_items, "How many of the largest differences to list")
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace lode::apps
