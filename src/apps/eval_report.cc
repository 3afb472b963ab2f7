#include "apps/eval_report.h"

#include <nlohmann/json.hpp>

#include "apps/json_text.h"

namespace lode::apps {

std::string_view rules_name(eval::Rules rules) {
  return rules == eval::Rules::mteb_v1 ? "mteb-v1" : "mteb-v2";
}

std::string split_name(const eval::Task& task) {
  std::string_view split = task.split;
  if (const size_t dot = split.find('.'); dot != std::string_view::npos) split = split.substr(0, dot);
  return std::string(split.substr(split.rfind('_') + 1));
}

std::string eval_json(const EvalReport& report) {
  using Json = nlohmann::ordered_json;
  const eval::Task& task = report.task;
  Json scores = Json::object();
  for (const eval::Measure& measure : report.result.scores) scores[measure.name] = measure.value;
  Json out{{"task", task.name},
           {"kind", eval::kind_name(task.kind)},
           {"main_score", report.main_score()},
           {"main_score_name", task.main_score},
           {"scores", std::move(scores)},
           {"model", report.model.name},
           {"rules", rules_name(report.rules)},
           {"seconds", report.seconds}};
  if (!report.result.settings.empty()) {
    Json settings = Json::object();
    for (const auto& [name, value] : report.result.settings) settings[name] = value;
    out["settings"] = std::move(settings);
  }
  if (!task.stand_in.empty()) out["stand_in"] = task.stand_in;
  if (report.limit > 0) out["limit"] = report.limit;
  return json_text(out);
}

}  // namespace lode::apps
