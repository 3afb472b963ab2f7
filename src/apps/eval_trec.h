// `lode eval --qrels FILE --run FILE`: what trec_eval says of a run, all of its measures. Main thread only.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace lode::apps {

// Prints "measure all value" lines as trec_eval does, or one JSON object. As in trec_eval, means are over the queries
// that both files have; counts are summed, "gm_" measures are geometric means. Errors: those of read_qrels and
// read_trec_run; invalid_argument for files without a common query.
Status print_trec_measures(const std::filesystem::path& qrels, const std::filesystem::path& run, bool json);

}  // namespace lode::apps
