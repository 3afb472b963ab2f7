#include "apps/eval_subject.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "apps/model_identity.h"
#include "apps/model_store.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

Result<fs::path> cache_folder(const std::string& given) {
  if (!given.empty()) return fs::path(given);
  const char* const lode_home = std::getenv("LODE_HOME");
  const char* const xdg = std::getenv("XDG_CACHE_HOME");
  if ((lode_home == nullptr || *lode_home == '\0') && xdg != nullptr && *xdg == '/') {
    return fs::path(xdg) / "lode" / "vectors";
  }
  LODE_ASSIGN(const fs::path store, store_folder());
  return store.parent_path() / "vectors";
}

}  // namespace

void add_subject_options(CLI::App& app, SubjectOptions& options) {
  add_model_options(app, options.model);
  auto* const cache =
      app.add_option("--cache", options.cache, "Where vectors are kept (default: ~/.cache/lode/vectors)")
          ->type_name("DIR");
  app.add_flag("--no-cache", options.no_cache, "Keep no vectors, use no kept ones")->excludes(cache);
}

Result<EvalSubject> EvalSubject::open(const SubjectOptions& options, const Globals& globals) {
  EvalSubject out;
  if (options.model.model == kBm25) return out;
  LODE_ASSIGN(out.embedder_, open_embedder(options.model, globals));
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  out.name_ = options.model.model.empty() ? "default" : options.model.model;
  out.encoder_ = std::make_unique<eval::ModelEncoder>(*out.embedder_);
  out.pool_ = std::make_unique<ThreadPool>(out.embedder_->n_threads());
  out.context_ = std::make_unique<kernels::Context>(*path, *out.pool_);
  if (!options.no_cache) LODE_TRY(out.open_cache(options, globals));
  return out;
}

Status EvalSubject::open_cache(const SubjectOptions& options, const Globals& globals) {
  LODE_ASSIGN(const fs::path root, cache_folder(options.cache));
  LODE_ASSIGN(const fs::path folder, resolve_model(options.model.model));
  LODE_ASSIGN(const ModelDigest digest, digest_model(folder, root / "digests.tsv", globals.quiet));
  const std::string identity = model_identity(digest, *embedder_, kernels::name(context_->kernels.isa));
  auto cache = eval::VectorCache::open(root, identity, encoder_->dims());
  if (!cache && cache.error().code == Code::io) {
    print_message(fmt::format("vectors are not kept: {}", cache.error().line()));
    return {};
  }
  if (!cache) return std::unexpected(std::move(cache).error());
  cache_ = std::make_unique<eval::VectorCache>(std::move(*cache));
  eval::CacheOptions cache_options;
  cache_options.on_note = [](const Error& error) {
    print_message(fmt::format("from here on vectors are not kept: {}", error.line()));
  };
  cached_ = std::make_unique<eval::CachedEncoder>(*encoder_, *cache_, std::move(cache_options));
  return {};
}

eval::Encoder* EvalSubject::encoder() const {
  return cached_ != nullptr ? cached_.get() : encoder_.get();
}

std::string EvalSubject::cache_line() const {
  if (cached_ == nullptr) return {};
  std::string out =
      fmt::format("vectors: {} read, {} encoded; {} keeps {} ({})", cached_->n_read(), cached_->n_encoded(),
                  cache_->folder().string(), cache_->n_rows(), format_bytes(cache_->n_bytes()));
  if (cache_->n_damaged() > 0) out += fmt::format("; {} were damaged", cache_->n_damaged());
  return out;
}

}  // namespace lode::apps
