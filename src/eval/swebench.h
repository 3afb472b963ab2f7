// SWE-bench as file retrieval: which file does an issue's patch change? The candidates of an issue are its repository's
// non-test Python files at the base commit, a document is a file's path and contents, and the query is the whole
// problem statement (swebench/inference/make_datasets/bm25_retrieval.py). One file is right; a candidate of equal score
// counts as ranked above it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "index/bm25.h"

namespace lode::eval {

struct Issue {
  std::string id;  // "django__django-11099"
  std::string repo;
  std::string statement;
  std::string gold;  // the path that the patch changes
};

// A .jsonl of instances as SWE-bench publishes them. Errors: corrupt for a row without its fields and for a patch that
// changes no file, or several.
Result<std::vector<Issue>> read_issues(const std::filesystem::path& file);

struct RankedFile {
  std::string path;
  double score = 0;
};

struct IssueRanking {
  std::string id;
  std::string repo;
  std::string gold;
  int64_t n_candidates = 0;
  int64_t rank = 0;              // of the gold file, from 1; 0: it is no candidate
  int64_t n_tied = 0;            // candidates of its score, without itself
  std::vector<RankedFile> best;  // the first ones, best first, by path where scores are equal
};

struct SwebenchOptions {
  index::Bm25Options bm25;
  size_t n_best = 100;  // of IssueRanking::best
  int n_threads = 1;
  // Called after each repository, from any thread, one call at a time; false ends the ranking with Code::cancelled.
  std::function<bool(std::string_view repo, size_t n_issues)> on_repository{};
};

// The packed trees of these issues' repositories.
std::vector<std::filesystem::path> tree_files(const std::filesystem::path& folder, const std::vector<Issue>& issues);

// BM25 over the packed trees of `folder` (NAME.index.tsv.xz and NAME.blobs.xz, NAME the repository with __ for /). In
// the order of `issues`. Errors: those of PackedTrees; not_found for an issue without a tree.
Result<std::vector<IssueRanking>> rank_by_bm25(const std::filesystem::path& folder, const std::vector<Issue>& issues,
                                               const SwebenchOptions& options);

}  // namespace lode::eval
