// Judgements and rankings in the files that trec_eval and the field's harnesses exchange. Plain data; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "eval/retrieval_data.h"
#include "eval/task_result.h"

namespace lode::eval {

using Judged = std::vector<std::pair<std::string, int32_t>>;  // documents and levels, of one query
using Qrels = std::unordered_map<std::string, Judged>;        // by query

// Lines of "query-id corpus-id score" below a header (BEIR), of "query iteration document level" (TREC), or JSON lines
// with "query-id", "corpus-id", "score" (MTEB, CoIR; with _ for - too). Plain, .gz or .xz. Errors: corrupt with the
// line.
Result<Qrels> read_qrels(const std::filesystem::path& file);

struct TrecRun {
  std::string tag;                                                   // of the first line
  std::unordered_map<std::string, std::vector<Retrieved>> rankings;  // by query, best first, ties by id, descending
};

// Lines of "query Q0 document rank score tag". The rank counts for nothing, as in trec_eval, and scores are compared as
// float. Errors: corrupt with the line, for a line of other fields, a score that is no number and a document that
// stands twice. Ids are as they stand there (trec_ids.h).
Result<TrecRun> read_trec_run(const std::filesystem::path& file);

// A ranking of a run with the ids that trec_id made its documents' from; one that is judged as it stands stays so.
std::vector<Retrieved> with_own_ids(std::vector<Retrieved> hits, const Judged& judged);

// A run's rankings in the order of the queries, with_own_ids; empty ones where it has none. Errors: corrupt for a run
// that has none of the queries.
Result<Run> run_of(const std::vector<Query>& queries, TrecRun&& run, const std::filesystem::path& file);

}  // namespace lode::eval
