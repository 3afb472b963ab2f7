#include "apps/ranking_options.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

namespace lode::apps {
namespace {

// "max", or "top3" for the mean of the three best.
std::optional<size_t> pooled(std::string_view pool) {
  constexpr std::string_view kTop = "top";
  if (pool == "max") return 1;
  if (!pool.starts_with(kTop)) return std::nullopt;
  pool.remove_prefix(kTop.size());
  size_t n = 0;
  const auto [end, error] = std::from_chars(pool.data(), pool.data() + pool.size(), n);
  if (error != std::errc() || end != pool.data() + pool.size() || n == 0) return std::nullopt;
  return n;
}

}  // namespace

Status RankingOptions::apply(bool without_model, eval::Settings& settings) const {
  constexpr std::array kModes = {eval::Mode::dense, eval::Mode::bm25, eval::Mode::fused, eval::Mode::lexical,
                                 eval::Mode::hybrid};
  settings.mode = without_model ? eval::Mode::bm25 : eval::Mode::dense;
  for (const eval::Mode one : kModes) {
    if (eval::name_of(one) == mode) settings.mode = one;
  }
  if (without_model && (rerank > 0 || eval::needs_model(settings.mode))) {
    return fail(Code::invalid_argument,
                fmt::format("{} needs a model, and there is none", rerank > 0 ? "--rerank" : "--mode " + mode),
                "Name one with --model, and leave --mode bm25 out.");
  }
  const auto n_pooled = pooled(pool);
  if (!n_pooled) {
    return fail(Code::invalid_argument, fmt::format("--pool {} is neither max nor top2, top3 ...", pool), "");
  }
  if (!repos.empty() && !std::filesystem::is_directory(repos)) {
    return fail(Code::not_found, fmt::format("--repos {} is no folder", repos),
                "It holds one clone a repository: OWNER__NAME, bare or not.");
  }
  settings.files = {.chunks = chunks,
                    .n_pooled = *n_pooled,
                    .n_best_chunks = best_chunks,
                    .rerank = rerank,
                    .fusion = fusion == "sum" ? eval::Fusion::standard_scores : eval::Fusion::reciprocal_ranks,
                    .clones = repos};
  return {};
}

void add_ranking_options(CLI::App& app, RankingOptions& options) {
  constexpr size_t kMostBytes = size_t{1} << 20, kMostFiles = 1'000'000;
  app.add_option("--mode", options.mode,
                 "what ranks: the model (dense) or bm25; issues to files also both (fused) and what lode search ranks "
                 "by, without a model (lexical) and with one (hybrid). Default: dense")
      ->check(CLI::IsMember({"dense", "bm25", "fused", "lexical", "hybrid"}))
      ->type_name("MODE");
  app.add_option("--rerank", options.rerank, "issues to files: rank only BM25's first N anew; 0: all")
      ->check(CLI::Range(size_t{0}, kMostFiles))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--fusion", options.fusion,
                 "of --mode fused: rrf (reciprocal ranks, k = 60) or sum (of standard scores)")
      ->check(CLI::IsMember({"rrf", "sum"}))
      ->type_name("RULE")
      ->capture_default_str();
  app.add_option("--chunk-bytes", options.chunks.max_bytes, "most bytes of a file's chunk; whole lines")
      ->check(CLI::Range(size_t{16}, kMostBytes))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--chunk-overlap", options.chunks.overlap_bytes,
                 "most bytes that a chunk repeats of what stands before it")
      ->check(CLI::Range(size_t{0}, kMostBytes))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--best-chunks", options.best_chunks,
                 "embed only the N chunks of a file that BM25 puts first for the issue; 0: all")
      ->check(CLI::Range(size_t{0}, kMostFiles))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--pool", options.pool, "a file's score: its best chunk's (max), or the mean of its K best (topK)")
      ->type_name("max|topK")
      ->capture_default_str();
  app.add_option("--repos", options.repos, "issues to files: read base trees from the git clones OWNER__NAME in DIR")
      ->type_name("DIR");
}

}  // namespace lode::apps
