// Of which kind of task a file's rows are, told by the columns of the first one. Opens the file; any thread.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "eval/tasks.h"

namespace lode::eval {

// The kinds whose data are files of rows, with the columns that tell them, as MTEB's exports have them:
// - classification: "text" and "label" (or "label_text")
// - clustering: "sentences" and "labels"
// - pair_classification: "sentence1" and "sentence2" (or "sent1" ..., "s1" ...), and "labels" or "label"
// - reranking: "query", "positive" and "negative" (or "positives", "negatives")
// - sts: "sentence1" and "sentence2" (or "s1" ...), and "score"
// - summarization: "human_summaries", "machine_summaries" and "relevance"
// A column that is null is none; others may stand beside them. What the columns hold is the readers' to check. Errors:
// invalid_argument where the columns are those of no kind (with what each one that comes near lacks) or of several, and
// where the first row is no JSON object.
Result<TaskKind> kind_of_rows(const std::filesystem::path& file);

}  // namespace lode::eval
