// Evaluating one task: the data are read and checked, texts are encoded or ranked by BM25, scores come out. One
// evaluate_KIND.cc a kind. One thread at a time, which uses the context's pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/encoder.h"
#include "eval/file_ranking.h"
#include "eval/located_task.h"
#include "eval/rules.h"
#include "eval/task_result.h"
#include "eval/tasks.h"
#include "index/bm25.h"
#include "index/line_chunker.h"
#include "kernels/context.h"

namespace lode::eval {

// How files are ranked for an issue.
struct FileSettings {
  index::ChunkOptions chunks;  // what a file is cut into for a model
  bool as_searched = false;    // not so: files are cut, and issues read, as `lode search` does it
  size_t n_pooled = 1;         // a file's score is the mean over so many of its best chunks
  size_t n_best_chunks = 0;    // not 0: of each file only BM25's first so many chunks are embedded
  size_t rerank = 0;           // not 0: only BM25's first so many are ranked anew, the rest stays below them
  Fusion fusion = Fusion::reciprocal_ranks;
  std::filesystem::path clones;  // not empty: trees come from the git clones there
};

// What ranks: the model, BM25, or both; files of source code also the ranking of `lode search` without a model
// (lexical) and with one (hybrid).
enum class Mode : unsigned char { dense, bm25, fused, lexical, hybrid };
constexpr bool needs_model(Mode mode) {
  return mode != Mode::bm25 && mode != Mode::lexical;
}
std::string_view name_of(Mode mode);

// Whether a document's title goes in front of its text: as the task has it, always, or never.
enum class Titles : unsigned char { automatic, on, off };

struct Settings {
  Rules rules = Rules::mteb_v1;
  Titles titles = Titles::automatic;
  Mode mode = Mode::dense;  // one that needs a model has an encoder
  index::Bm25Options bm25;
  FileSettings files;
  int n_threads = 1;
  size_t limit = 0;  // the first so many queries, pairs or issues of a task, over all of its documents; 0: all
};

// How much there is to encode, over all stages of a task, in the encoder's weights.
struct TextWork {
  uint64_t n_all = 0;       // that is known of
  uint64_t n_done = 0;      // with n_before
  uint64_t n_before = 0;    // was there already, in a cache
  uint64_t n_expected = 0;  // part of n_all that a later encode() will bring
};

// Told how far a task is: `what` is done ("documents", "issues"), how many, of how many. False ends the task with
// Code::cancelled. From any thread, one call at a time.
using OnProgress = std::function<bool(std::string_view what, size_t n_done, size_t n_all)>;

struct Evaluation {
  Encoder* encoder = nullptr;  // null: BM25
  kernels::Context* context = nullptr;
  Settings settings;
  OnProgress on_progress;
  std::filesystem::path run{};  // a TREC run that is scored in the place of a ranking; "": none
  TextWork* work = nullptr;     // kept up to date by encode(), before on_progress is called; may be null

  // Says that encode() will be called with this text, so that the time left can be told before.
  void expect(std::string_view text) const;
  // The encoder's vectors of these texts; `what` they are is what on_progress is told. Where they are a part,
  // `n_before` of the `n_all` were there before.
  Result<std::vector<float>> encode(std::string_view what, std::span<const std::string> texts, const Prompt& prompt,
                                    size_t n_before = 0, size_t n_all = 0) const;
};

template <class T>
void keep_first(std::vector<T>& items, const Settings& settings) {
  if (settings.limit > 0 && settings.limit < items.size()) items.resize(settings.limit);
}

// What a task's queries, and what its documents, are encoded with. The texts of a task without sides (STS, classes ...)
// are all queries.
Prompt query_prompt(const Task& task);
Prompt document_prompt(const Task& task);

// A task of several subsets: each is evaluated, scores are their means, items and runs stand one after another with
// the subset's name in front. Errors: invalid_argument for a task that BM25 or the mode cannot do, for one that a
// run is no ranking of and for one whose first items alone make no score of its kind (limit), those of the data's
// readers.
Result<TaskResult> evaluate(const LocatedTask& located, const Evaluation& evaluation);

// One kind each. `folder` is the task's own; its split, main score and stand-in are those that hold there.
Result<TaskResult> evaluate_classification(const Task& task, const std::filesystem::path& folder,
                                           const Evaluation& evaluation);
Result<TaskResult> evaluate_clustering(const Task& task, const std::filesystem::path& folder,
                                       const Evaluation& evaluation);
Result<TaskResult> evaluate_retrieval(const Task& task, const std::filesystem::path& folder,
                                      const Evaluation& evaluation);
Result<TaskResult> evaluate_reranking(const Task& task, const std::filesystem::path& folder,
                                      const Evaluation& evaluation);
Result<TaskResult> evaluate_pair_classification(const Task& task, const std::filesystem::path& folder,
                                                const Evaluation& evaluation);
Result<TaskResult> evaluate_sts(const Task& task, const std::filesystem::path& folder, const Evaluation& evaluation);
Result<TaskResult> evaluate_summarization(const Task& task, const std::filesystem::path& folder,
                                          const Evaluation& evaluation);
Result<TaskResult> evaluate_swebench(const Task& task, const std::filesystem::path& folder,
                                     const Evaluation& evaluation);

}  // namespace lode::eval
