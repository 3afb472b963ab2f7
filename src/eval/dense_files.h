// Vectors over the files of issues' trees: a file's score for an issue is the cosine of its best chunk, or the mean of
// its best few. To save work only those chunks of a file may be embedded that BM25 puts first for the issue. One
// repository at a time; of its vectors only one slice is held, of its cosines all. One thread at a time, which uses the
// context's pool.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "eval/evaluation.h"
#include "eval/file_ranking.h"
#include "eval/tasks.h"
#include "eval/tree_source.h"

namespace lode::eval {

// The cosine of an issue and its candidates, in the order of `issues`; chunks and pooling as evaluation.settings.files
// says. wanted: of each issue the candidates, as indices by path, ascending, that get a score, all others get NaN;
// empty: all of all. Errors: those of open_trees and of the encoder.
Result<std::vector<ScoredFiles>> score_files_by_vectors(const TreeSource& source, const std::vector<Issue>& issues,
                                                        std::span<const std::vector<uint32_t>> wanted, const Task& task,
                                                        const Evaluation& evaluation);

}  // namespace lode::eval
