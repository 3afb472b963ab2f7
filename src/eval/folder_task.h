// A data set by its path: what kind of task it is, told from its files. Reads names and first rows; any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "eval/located_task.h"
#include "eval/tasks.h"

namespace lode::eval {

struct FolderTask {
  std::string name;  // of the folder or the file, without its endings
  TaskKind kind = TaskKind::retrieval;
  std::filesystem::path folder;  // absolute
  std::string split;
  std::string main_score;

  // Its views are into this.
  [[nodiscard]] LocatedTask located() const;
};

// - A folder with a corpus and judged queries (read_retrieval_data): retrieval, nDCG@10.
// - A .jsonl of scored pairs (read_scored_pairs), or a folder that has one: STS, Spearman.
// The split is "test", or the only one there. Errors: not_found; invalid_argument for a folder of no known layout (what
// was looked for) and for several splits without a test.
Result<FolderTask> recognise(const std::filesystem::path& path);

}  // namespace lode::eval
