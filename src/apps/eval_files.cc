#include "apps/eval_files.h"

#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/build_info.h"
#include "apps/digest.h"
#include "apps/json_text.h"
#include "apps/staged_file.h"
#include "eval/trec_ids.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// JSON has no NaN.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

std::string items_jsonl(const eval::ItemScores& items) {
  std::string out;
  const size_t n_measures = items.measures.size();
  for (size_t i = 0; i < items.ids.size(); ++i) {
    Json row{{"id", items.ids[i]}};
    for (size_t m = 0; m < n_measures; ++m) row[items.measures[m]] = number(items.values[i * n_measures + m]);
    out += json_text(row);
  }
  return out;
}

std::string trec_run(const eval::TaskResult& result, std::string_view tag) {
  std::string out;
  for (size_t q = 0; q < result.run.size(); ++q) {
    const std::string query = eval::trec_id(result.items.ids[q]);
    for (size_t rank = 0; rank < result.run[q].size(); ++rank) {
      const eval::Retrieved& hit = result.run[q][rank];
      out += fmt::format("{} Q0 {} {} {:.9g} {}\n", query, eval::trec_id(hit.document), rank + 1, hit.score, tag);
    }
  }
  return out;
}

Result<Json> data_files(const EvalReport& report) {
  Json out = Json::array();
  for (const fs::path& file : report.result.files) {
    std::error_code error;
    const uint64_t n_bytes = fs::file_size(file, error);
    LODE_ASSIGN(const std::string sum, file_sha256(file));
    out.push_back(
        {{"file", file.lexically_proximate(report.data).generic_string()}, {"bytes", n_bytes}, {"sha256", sum}});
  }
  return out;
}

// Of a data set that may have come from anywhere: the sum of its files' sums.
std::string data_revision(const Json& files) {
  std::string sums;
  for (const Json& file : files) {
    sums += fmt::format("{}  {}\n", file["sha256"].get<std::string>(), file["file"].get<std::string>());
  }
  return sha256(sums);
}

Json mteb_scores(const EvalReport& report) {
  Json out{{"hf_subset", "default"}, {"languages", {"eng-Latn"}}, {"main_score", number(report.main_score())}};
  for (const eval::Measure& measure : report.result.scores) out[measure.name] = number(measure.value);
  return out;
}

Json model_meta(const EvalModel& model) {
  const auto positive = [](int64_t n) { return n > 0 ? Json(n) : Json(); };
  const bool is_dense = model.n_dims > 0;
  // mteb takes names of the form organisation/model only.
  return {{"name", model.name.find('/') == std::string::npos ? "local/" + model.name : model.name},
          {"revision", model.revision},
          {"release_date", nullptr},
          {"languages", nullptr},
          {"n_parameters", nullptr},
          {"memory_usage_mb", nullptr},
          {"max_tokens", positive(model.max_tokens)},
          {"embed_dim", positive(model.n_dims)},
          {"license", nullptr},
          {"open_weights", nullptr},
          {"public_training_code", nullptr},
          {"public_training_data", nullptr},
          {"framework", Json::array()},
          {"reference", nullptr},
          {"similarity_fn_name", is_dense ? Json("cosine") : Json()},
          {"use_instructions", model.takes_instruction},
          {"training_datasets", nullptr},
          {"adapted_from", nullptr},
          {"superseded_by", nullptr},
          {"loader", nullptr}};
}

std::string now() {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", seconds);
}

}  // namespace

fs::path results_folder(const fs::path& out, const EvalModel& model) {
  // A server may have said what the name is.
  std::string name = model.name;
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  if (name.empty() || name == "." || name == "..") name = "_";
  for (size_t at = 0; (at = name.find('/', at)) != std::string::npos; at += 2) name.replace(at, 1, "__");
  return out / name / model.revision;
}

Status keep_eval(const fs::path& out, const EvalReport& report) {
  const eval::Task& task = report.task;
  const eval::TaskResult& result = report.result;
  const fs::path folder = results_folder(out, report.model);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(Code::io, fmt::format("cannot make {}: {}", folder.string(), error.message()));

  const std::string name(task.name);
  const auto keep = [&](const std::string& file, std::string_view bytes) -> Result<Json> {
    LODE_TRY(write_whole_file(folder / file, bytes));
    return Json{{"file", file}, {"sha256", sha256(bytes)}};
  };
  LODE_ASSIGN(const Json data, data_files(report));
  Json own{{"version", LODE_VERSION},
           {"commit", text_or_null(build_commit())},
           {"kind", eval::kind_name(task.kind)},
           {"main_score", task.main_score},
           {"rules", rules_name(report.rules)},
           {"stand_in", text_or_null(task.stand_in)},
           {"limit", report.limit > 0 ? Json(report.limit) : Json()},
           {"model",
            {{"name", report.model.name},
             {"revision", report.model.revision},
             {"sha256", text_or_null(report.model.sha256)},
             {"dtype", text_or_null(report.model.dtype)},
             {"kernels", text_or_null(report.model.kernels)},
             {"max_tokens", report.model.max_tokens > 0 ? Json(report.model.max_tokens) : Json()}}},
           {"data", data},
           {"items", nullptr},
           {"run", nullptr}};
  for (const auto& [setting, value] : result.settings) own["settings"][setting] = value;
  if (!result.items.ids.empty()) {
    LODE_ASSIGN(own["items"], keep(name + ".items.jsonl", items_jsonl(result.items)));
    own["items"]["of"] = result.items.item;
    own["items"]["n"] = result.items.ids.size();
  }
  if (!result.run.empty()) {
    LODE_ASSIGN(own["run"], keep(name + ".trec", trec_run(result, report.model.is_bm25 ? "bm25" : "lode")));
  }
  LODE_TRY(write_whole_file(folder / "model_meta.json", json_text(model_meta(report.model), 2)));
  const Json whole{{"dataset_revision", data_revision(data)},
                   {"task_name", task.name},
                   {"mteb_version", nullptr},  // it was not mteb that computed this
                   {"scores", {{split_name(task), Json::array({mteb_scores(report)})}}},
                   {"evaluation_time", report.seconds},
                   {"kg_co2_emissions", nullptr},
                   {"date", now()},
                   {"lode", std::move(own)}};
  return write_whole_file(folder / (name + ".json"), json_text(whole, 2));
}

}  // namespace lode::apps
