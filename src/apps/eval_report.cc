#include "apps/eval_report.h"

#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lode::apps {
namespace {

using Json = nlohmann::ordered_json;

Status write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return fail(Code::io, fmt::format("cannot write {}", path.string()));
  return {};
}

std::string trec_run(const EvalReport& report) {
  std::string out;
  const eval::TaskResult& result = report.result;
  const std::string_view tag = report.model == "bm25" ? "bm25" : "lode";
  for (size_t q = 0; q < result.run.size(); ++q) {
    for (size_t rank = 0; rank < result.run[q].size(); ++rank) {
      const eval::Retrieved& hit = result.run[q][rank];
      out += fmt::format("{} Q0 {} {} {:.9g} {}\n", result.items.ids[q], hit.document, rank + 1, hit.score, tag);
    }
  }
  return out;
}

}  // namespace

std::string eval_table_header() {
  return fmt::format("{:<16} {:>7}  {:<16} {:<20} {:>8}\n", "TASK", "SCORE", "", "MODEL", "SECONDS");
}

std::string eval_table_row(const EvalReport& report) {
  const eval::Task& task = report.task;
  std::string out =
      fmt::format("{:<16} {:>7.2f}  {:<16} {:<20} {:>8.1f}\n", task.name,
                  100 * score_of(report.result, task.main_score), task.main_score, report.model, report.seconds);
  if (!task.stand_in.empty()) out += fmt::format("{:<16} stand-in: {}\n", "", task.stand_in);
  if (report.limit > 0) {
    out += fmt::format("{:<16} not the score of this task: --limit {}, counted by {}\n", "", report.limit,
                       report.result.items.item);
  }
  return out;
}

std::string eval_json(const EvalReport& report, bool pretty) {
  const eval::Task& task = report.task;
  Json scores = Json::object();
  for (const eval::Measure& measure : report.result.scores) scores[measure.name] = measure.value;
  Json out{{"task", task.name},
           {"kind", eval::kind_name(task.kind)},
           {"main_score", score_of(report.result, task.main_score)},
           {"main_score_name", task.main_score},
           {"scores", std::move(scores)},
           {"model", report.model},
           {"seconds", report.seconds}};
  if (!task.stand_in.empty()) out["stand_in"] = task.stand_in;
  if (report.limit > 0) out["limit"] = report.limit;
  return out.dump(pretty ? 2 : -1) + "\n";
}

Status keep_eval(const std::filesystem::path& folder, const EvalReport& report) {
  const std::string base = (folder / report.task.name).string();
  LODE_TRY(write_file(base + ".json", eval_json(report, true)));
  if (!report.result.run.empty()) LODE_TRY(write_file(base + ".trec", trec_run(report)));
  return {};
}

}  // namespace lode::apps
