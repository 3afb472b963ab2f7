// What `lode eval` evaluates: a model of this process, one behind a server, or nothing for BM25; with the cache of its
// vectors in front. Main thread only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "apps/command.h"
#include "apps/endpoint_encoder.h"
#include "apps/eval_model.h"
#include "apps/model_options.h"
#include "base/error.h"
#include "base/parallel.h"
#include "eval/cached_encoder.h"
#include "eval/encoder.h"
#include "index/vector_cache.h"
#include "kernels/context.h"

namespace lode::apps {

inline constexpr const char* kBm25 = "bm25";
inline constexpr const char* kLexical = "lexical";  // the ranking of `lode search` without a model

struct SubjectOptions {
  ModelOptions model;
  std::string endpoint;  // --endpoint, "" for a model of this process
  EndpointOptions server;
  std::string cache;  // --cache, "" for the default place
  bool no_cache = false;
};
// --cache and --no-cache, those of a model and those of an endpoint.
void add_subject_options(CLI::App& app, SubjectOptions& options);

// Where vectors are kept, `given` or vectors/ in LODE_HOME.
Result<std::filesystem::path> vector_cache_folder(const std::string& given);

class EvalSubject {
 public:
  static Result<EvalSubject> open(const SubjectOptions& options, const Globals& globals);

  [[nodiscard]] const EvalModel& model() const { return model_; }
  [[nodiscard]] eval::Encoder* encoder() const;  // null: terms rank
  [[nodiscard]] kernels::Context* context() const { return context_.get(); }
  // Everything that decides a vector besides its text; "" without an encoder.
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] index::VectorCache* cache() const { return cache_.get(); }  // null: none is kept
  // "vectors: 300 read, 20 encoded; DIR has 5183 (8.0 MB)"; "" without a cache.
  [[nodiscard]] std::string cache_line() const;

 private:
  // Each gives what the vectors are of, for the cache in `root` ("": none).
  Result<std::string> open_model(const SubjectOptions& options, const Globals& globals,
                                 const std::filesystem::path& root);
  Result<std::string> open_endpoint(const SubjectOptions& options);
  Status open_cache(const std::filesystem::path& root, const std::string& identity);

  std::string identity_;
  EvalModel model_ = describe_terms(kBm25);
  std::unique_ptr<embed::Embedder> embedder_;  // null behind a server
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<kernels::Context> context_;
  std::unique_ptr<eval::Encoder> encoder_;
  std::unique_ptr<index::VectorCache> cache_;
  std::unique_ptr<eval::CachedEncoder> cached_;
};

}  // namespace lode::apps
