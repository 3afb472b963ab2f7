// What `lode eval` evaluates: a model with what it needs, or nothing for BM25; with the cache of its vectors in front.
// Main thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/model_options.h"
#include "base/error.h"
#include "base/parallel.h"
#include "eval/cached_encoder.h"
#include "eval/encoder.h"
#include "eval/vector_cache.h"
#include "kernels/context.h"

namespace lode::apps {

inline constexpr const char* kBm25 = "bm25";

struct SubjectOptions {
  ModelOptions model;
  std::string cache;  // --cache, "" for the default place
  bool no_cache = false;
};
// --cache and --no-cache, and those of a model.
void add_subject_options(CLI::App& app, SubjectOptions& options);

class EvalSubject {
 public:
  static Result<EvalSubject> open(const SubjectOptions& options, const Globals& globals);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] eval::Encoder* encoder() const;  // null: BM25
  [[nodiscard]] kernels::Context* context() const { return context_.get(); }
  // "vectors: 300 read, 20 encoded; DIR has 5183 (8.0 MB)"; "" without a cache.
  [[nodiscard]] std::string cache_line() const;

 private:
  Status open_cache(const SubjectOptions& options, const Globals& globals);

  std::string name_ = kBm25;
  std::unique_ptr<embed::Embedder> embedder_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<kernels::Context> context_;
  std::unique_ptr<eval::Encoder> encoder_;
  std::unique_ptr<eval::VectorCache> cache_;
  std::unique_ptr<eval::CachedEncoder> cached_;
};

}  // namespace lode::apps
