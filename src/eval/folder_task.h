// A data set by its path: what kind of task it is, told from its files. Reads names and first rows; any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "eval/located_task.h"
#include "eval/rules.h"
#include "eval/tasks.h"

namespace lode::eval {

struct FolderTask {
  std::string name;  // of the folder or the file, without its endings
  TaskKind kind = TaskKind::retrieval;
  std::filesystem::path folder;  // absolute
  std::string split;

  // As a row of the registry without an instruction would be, with the main score of its kind. Its views are into this.
  [[nodiscard]] LocatedTask located(Rules rules) const;
};

// - A folder with a corpus and judged queries (read_retrieval_data): retrieval; with top_ranked.jsonl beside them:
//   reranking.
// - A folder of .jsonl files whose rows are those of one kind (kind_of_rows): that kind. Classification learns from
//   train.jsonl and scores another.
// - One such file, whose name is the split; classification has its train.jsonl beside it.
// The split is "test", or the only one there. Errors: not_found; invalid_argument for what is of no known layout (what
// was seen, and what it lacks), for a test.jsonl that is of no kind, whatever lies beside it, for files of several
// kinds and for several splits without a test.
Result<FolderTask> recognise(const std::filesystem::path& path);

}  // namespace lode::eval
