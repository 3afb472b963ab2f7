// SWE-bench Lite as file retrieval: by BM25, by a model, by both, or by either over BM25's first ones.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "eval/bm25_files.h"
#include "eval/dense_files.h"
#include "eval/evaluation.h"
#include "eval/jsonl.h"
#include "eval/lexical_files.h"
#include "eval/swebench.h"
#include "index/hybrid_ranker.h"

namespace lode::eval {
namespace {

constexpr std::array<int64_t, 9> kCuts = {1, 2, 3, 5, 10, 20, 50, 100, 200};
constexpr size_t kBest = 100;  // of a ranking that is kept

TaskResult result_of(const std::vector<IssueRanking>& rankings) {
  TaskResult out;
  out.items.item = "issue";
  for (const int64_t cut : kCuts) {
    const auto n_found = std::ranges::count_if(
        rankings, [&](const IssueRanking& ranking) { return ranking.rank > 0 && ranking.rank <= cut; });
    out.scores.push_back(
        {fmt::format("recall_at_{}", cut), static_cast<double>(n_found) / static_cast<double>(rankings.size())});
    out.items.measures.push_back(out.scores.back().name);
  }
  out.items.measures.insert(out.items.measures.end(), {"rank", "n_tied", "n_candidates"});
  for (const IssueRanking& ranking : rankings) {
    std::vector<double> row;
    for (const int64_t cut : kCuts) row.push_back(ranking.rank > 0 && ranking.rank <= cut ? 1 : 0);
    for (const int64_t n : {ranking.rank, ranking.n_tied, ranking.n_candidates}) row.push_back(static_cast<double>(n));
    out.items.add(ranking.id, row);
    std::vector<Retrieved> hits;
    for (const RankedFile& file : ranking.best) hits.push_back({file.path, static_cast<float>(file.score)});
    out.run.push_back(std::move(hits));
  }
  return out;
}

constexpr bool ranks_as_searched(Mode mode) {
  return mode == Mode::lexical || mode == Mode::hybrid;
}

std::vector<std::pair<std::string, std::string>> described(const Settings& settings, Mode mode) {
  const FileSettings& files = settings.files;
  std::vector<std::pair<std::string, std::string>> out;
  out.emplace_back("mode", name_of(mode));
  if (mode == Mode::hybrid && files.n_best_chunks > 0) {
    out.emplace_back("best_chunks", std::to_string(files.n_best_chunks));
  }
  if (ranks_as_searched(mode)) return out;
  if (mode != Mode::dense || files.rerank > 0) {
    out.emplace_back("bm25_k1", fmt::format("{}", settings.bm25.k1));
    out.emplace_back("bm25_b", fmt::format("{}", settings.bm25.b));
  }
  if (mode == Mode::bm25) return out;
  out.emplace_back("chunk_bytes", std::to_string(files.chunks.max_bytes));
  out.emplace_back("chunk_overlap", std::to_string(files.chunks.overlap_bytes));
  out.emplace_back("pool", files.n_pooled == 1 ? "max" : fmt::format("top{}", files.n_pooled));
  if (files.n_best_chunks > 0) out.emplace_back("best_chunks", std::to_string(files.n_best_chunks));
  if (mode == Mode::fused) out.emplace_back("fusion", files.fusion == Fusion::reciprocal_ranks ? "rrf" : "sum");
  if (files.rerank > 0) out.emplace_back("rerank", std::to_string(files.rerank));
  return out;
}

// The candidates that get a cosine: BM25's first ones, or (empty) all.
std::vector<std::vector<uint32_t>> chosen(const std::vector<ScoredFiles>& by_bm25, size_t n_first) {
  std::vector<std::vector<uint32_t>> out;
  if (n_first == 0) return out;
  for (const ScoredFiles& files : by_bm25) out.push_back(first_files(files, n_first));
  return out;
}

// One issue's ranking from BM25's scores and the cosines of those in `top`, or of all where it is empty.
ScoredFiles combined(const ScoredFiles& by_bm25, ScoredFiles by_vectors, const std::vector<uint32_t>& top,
                     const Settings& settings) {
  const bool fuse = settings.mode == Mode::fused;
  if (settings.files.rerank == 0) {
    if (fuse) by_vectors.scores = fused(by_bm25.scores, by_vectors.scores, settings.files.fusion);
    return by_vectors;
  }
  std::vector<double> bm25, dense;
  for (const uint32_t file : top) {
    bm25.push_back(by_bm25.scores[file]);
    dense.push_back(by_vectors.scores[file]);
  }
  return reordered(by_bm25, top, fuse ? fused(bm25, dense, settings.files.fusion) : dense);
}

// The ranking by terms that a mode begins with.
Result<std::vector<ScoredFiles>> by_terms(const TreeSource& source, const std::vector<Issue>& issues,
                                          const Evaluation& evaluation) {
  RepositoryOptions options{.n_threads = evaluation.settings.n_threads};
  size_t n_done = 0;
  if (evaluation.on_progress) {
    options.on_repository = [&](std::string_view, size_t n_issues) {
      n_done += n_issues;
      return evaluation.on_progress("issues", n_done, issues.size());
    };
  }
  return ranks_as_searched(evaluation.settings.mode)
             ? score_files_lexically(source, issues, options)
             : score_files_by_bm25(source, issues, evaluation.settings.bm25, options);
}

// The lexical ranking's first files moved by vectors of their chunks, as `lode search` does it.
Result<std::vector<ScoredFiles>> with_vectors(const TreeSource& source, const std::vector<Issue>& issues,
                                              std::vector<ScoredFiles> files, const Task& task,
                                              const Evaluation& evaluation) {
  Evaluation as_searched = evaluation;
  as_searched.settings.files.as_searched = true;
  as_searched.settings.files.n_pooled = index::kHybridChunks;
  std::vector<std::vector<uint32_t>> wanted;
  for (const ScoredFiles& one : files) wanted.push_back(first_files(one, index::kHybridFiles));
  LODE_ASSIGN(const auto dense, score_files_by_vectors(source, issues, wanted, task, as_searched));
  for (size_t i = 0; i < issues.size(); ++i) {
    std::vector<double> cosines(files[i].scores.size(), index::kNoCosine);
    for (const uint32_t file : wanted[i]) cosines[file] = dense[i].scores[file];
    files[i].scores = index::hybrid_scores(files[i].scores, cosines);
  }
  return files;
}

}  // namespace

Result<TaskResult> evaluate_swebench(const Task& task, const std::filesystem::path& folder,
                                     const Evaluation& evaluation) {
  const Settings& settings = evaluation.settings;
  const Mode mode = settings.mode;
  const TreeSource source{
      .packed = folder / "corpus", .clones = settings.files.clones, .remedy = "--repos reads it from a clone"};
  LODE_ASSIGN(auto issues, read_issues(data_file(folder, std::string(task.split) + ".jsonl")));
  keep_first(issues, settings);

  std::vector<ScoredFiles> files;
  if (mode != Mode::dense || settings.files.rerank > 0) {
    LODE_ASSIGN(files, by_terms(source, issues, evaluation));
  }
  if (mode == Mode::hybrid) {
    LODE_ASSIGN(files, with_vectors(source, issues, std::move(files), task, evaluation));
  } else if (needs_model(mode)) {
    const std::vector<std::vector<uint32_t>> wanted = chosen(files, settings.files.rerank);
    LODE_ASSIGN(auto dense, score_files_by_vectors(source, issues, wanted, task, evaluation));
    files.resize(issues.size());
    for (size_t i = 0; i < issues.size(); ++i) {
      files[i] =
          combined(files[i], std::move(dense[i]), wanted.empty() ? std::vector<uint32_t>() : wanted[i], settings);
    }
  }
  std::vector<IssueRanking> rankings;
  for (size_t i = 0; i < issues.size(); ++i) rankings.push_back(ranked(issues[i], files[i], kBest));
  TaskResult out = result_of(rankings);
  out.settings = described(settings, mode);
  out.files = tree_files(source, issues);  // which any thread may have opened
  return out;
}

}  // namespace lode::eval
