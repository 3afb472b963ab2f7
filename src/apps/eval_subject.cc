#include "apps/eval_subject.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "apps/choice.h"
#include "apps/model_identity.h"
#include "apps/model_store.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

}  // namespace

Result<fs::path> vector_cache_folder(const std::string& given) {
  if (!given.empty()) return fs::path(given);
  LODE_ASSIGN(const fs::path store, store_folder());
  return store.parent_path() / "vectors";
}

void add_subject_options(CLI::App& app, SubjectOptions& options) {
  add_model_options(app, options.model);
  auto* const cache =
      app.add_option("--cache", options.cache, "Where vectors are kept (default: vectors/ in LODE_HOME)")
          ->type_name("DIR");
  app.add_flag("--no-cache", options.no_cache, "Keep no vectors, use no kept ones")->excludes(cache);

  EndpointOptions& server = options.server;
  app.add_option(
         "--endpoint", options.endpoint,
         "OpenAI-compatible server to evaluate, with the key in LODE_ENDPOINT_KEY; --model is then the name sent "
         "(default: its first)")
      ->type_name("URL");
  app.add_option("--ca", server.server.ca_file, "PEM authorities to trust at the endpoint instead of the system's")
      ->type_name("FILE");
  app.add_option("--concurrency", server.n_connections, "Requests to the endpoint at a time")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--batch", server.n_texts, "Texts of one request")
      ->check(CLI::Range(1, 8192))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--retries", server.server.n_retries, "Times a request is sent again to a busy or absent endpoint")
      ->check(CLI::Range(0, 1000))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--input-type", server.input_type, "Send input_type, query or passage: auto where it is taken")
      ->transform(choice<SendInputType>(
          {{"auto", SendInputType::automatic}, {"on", SendInputType::on}, {"off", SendInputType::off}}))
      ->type_name("HOW=auto");
  app.add_option("--query-prefix", server.query_prefix,
                 "Put in front of queries sent to the endpoint; {task} in it becomes the task's instruction")
      ->type_name("TEXT");
  app.add_option("--passage-prefix", server.passage_prefix, "The same for passages")->type_name("TEXT");
  app.add_flag("--send-task", server.send_task, "Send the task's instruction as `task`, for Lodestone's servers");
}

Result<EvalSubject> EvalSubject::open(const SubjectOptions& options, const Globals& globals) {
  EvalSubject out;
  const bool is_remote = !options.endpoint.empty();
  if (!is_remote && (options.model.model == kBm25 || options.model.model == kLexical)) {
    out.model_ = describe_terms(options.model.model);
    return out;
  }
  fs::path root;
  if (!options.no_cache) {
    LODE_ASSIGN(root, vector_cache_folder(options.cache));
  }
  LODE_ASSIGN(out.identity_, is_remote ? out.open_endpoint(options) : out.open_model(options, globals, root));
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  out.pool_ = std::make_unique<ThreadPool>(globals.threads > 0 ? globals.threads : available_cores());
  out.context_ = std::make_unique<kernels::Context>(*path, *out.pool_);
  if (!options.no_cache) LODE_TRY(out.open_cache(root, out.identity_));
  return out;
}

Result<std::string> EvalSubject::open_model(const SubjectOptions& options, const Globals& globals,
                                            const fs::path& root) {
  LODE_ASSIGN(const fs::path folder, resolve_model(options.model.model));
  LODE_ASSIGN(embedder_, open_embedder(folder, options.model, globals));
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  LODE_ASSIGN(const ModelDigest digest,
              digest_model(folder, root.empty() ? root : root / "digests.tsv", globals.quiet));
  model_ = describe_model(folder, digest.sha256, *embedder_, path->isa);
  encoder_ = std::make_unique<eval::ModelEncoder>(*embedder_);
  return model_identity(digest, *embedder_, kernels::name(path->isa));
}

Result<std::string> EvalSubject::open_endpoint(const SubjectOptions& options) {
  EndpointOptions server = options.server;
  if (!options.endpoint.starts_with("http://") && !options.endpoint.starts_with("https://")) {
    return fail(Code::invalid_argument, fmt::format("--endpoint {} is no web address", options.endpoint),
                "Give one like http://127.0.0.1:8080.");
  }
  // What is in the address is kept beside vectors and results, and shown; a path is put behind it.
  if (options.endpoint.find_first_of("@?#") != std::string::npos) {
    return fail(Code::invalid_argument, "--endpoint takes an address without user, query and fragment",
                "A key goes into LODE_ENDPOINT_KEY.");
  }
  // Only a variable, as for `lode serve`: everybody on the machine can read a command line. Of its own name: a server's
  // keys are not for others.
  if (const char* const key = std::getenv("LODE_ENDPOINT_KEY")) server.server.api_key = key;
  server.server.url = embeddings_url(options.endpoint);
  server.server.model = options.model.model;
  server.on_note = [](std::string_view note) { print_message(note); };
  LODE_ASSIGN(auto opened, EndpointEncoder::open(std::move(server)));
  std::string identity = opened->identity();
  model_ = describe_remote(opened->model(), identity, opened->dims());
  encoder_ = std::move(opened);
  return identity;
}

Status EvalSubject::open_cache(const fs::path& root, const std::string& identity) {
  auto cache = index::VectorCache::open(root, identity, encoder_->dims());
  if (!cache && cache.error().code == Code::io) {
    print_message(fmt::format("vectors are not kept: {}", cache.error().line()));
    return {};
  }
  if (!cache) return std::unexpected(std::move(cache).error());
  cache_ = std::make_unique<index::VectorCache>(std::move(*cache));
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
