// What `lode eval --out DIR` keeps of a task, in the layout of MTEB's results: DIR/MODEL/REVISION/ ("/" in the model's
// name is "__") with
//   TASK.json         mteb's TaskResult, which mteb reads, and under "lode" what it has no place for
//   TASK.items.jsonl  one row an item: "id" and its measures, in full precision
//   TASK.trec         the ranking as a TREC run, for tasks that rank
//   model_meta.json   mteb's ModelMeta
// Every file appears whole, and TASK.json, which names the others with their SHA-256, as the last one.
#pragma once

#include <filesystem>

#include "apps/eval_report.h"
#include "base/error.h"

namespace lode::apps {

// The folder of a model's results in `out`.
std::filesystem::path results_folder(const std::filesystem::path& out, const EvalModel& model);

// Makes the folders. Errors: io, also where a file of the data set can no longer be read.
Status keep_eval(const std::filesystem::path& out, const EvalReport& report);

}  // namespace lode::apps
