#include "apps/served_models.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "apps/memory_estimate.h"
#include "apps/memory_limit.h"
#include "apps/progress.h"
#include "base/parallel.h"
#include "model/config.h"
#include "model/rounding.h"
#include "weights/checkpoint.h"

namespace lode::apps {
namespace {

Result<double> share_of(const std::string& text, const std::string& value) {
  double share = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), share);
  if (error != std::errc() || end != value.data() + value.size() || !(share >= 0.001 && share <= 1000)) {
    return fail(Code::invalid_argument, fmt::format("--share '{}' has no number from 0.001 to 1000", text),
                "For example --share nv-embed-v1=3.");
  }
  return share;
}

int threads_of(const Globals& globals) {
  return globals.threads == 0 ? available_cores() : globals.threads;
}

// What one model needs: weights, and one pass over its longest text or a full batch.
Result<int64_t> needed_bytes(const ModelPlan& plan, const ServeOptions& options, int n_threads) {
  LODE_ASSIGN(const weights::Checkpoint checkpoint, weights::Checkpoint::open(plan.folder));
  LODE_ASSIGN(const model::ModelConfig config, model::read_config(checkpoint));
  const int64_t longest = options.max_length == 0 ? config.max_tokens : options.max_length;
  if (longest > config.max_positions) {
    return fail(
        Code::invalid_argument,
        fmt::format("--max-length {} is more than the {} positions of {}", longest, config.max_positions, plan.id),
        "Choose a smaller --max-length.");
  }
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  LODE_ASSIGN(const model::Arithmetic arithmetic,
              model::choose_arithmetic(model::find_arithmetic(options.dtype), checkpoint, *path));
  const MemoryEstimate estimate =
      estimate_memory(config, checkpoint, arithmetic, std::max(longest, options.max_batch_tokens), n_threads);
  return estimate.weight_bytes + estimate.pass_bytes;
}

Status check_memory(const std::vector<ModelPlan>& plans, const ServeOptions& options, int n_threads) {
  const auto bytes = [](int64_t n) { return format_bytes(static_cast<uint64_t>(n)); };
  // Waiting tokens are ids of four bytes.
  int64_t needed = 4 * options.max_queue_tokens * std::ssize(plans);
  for (const ModelPlan& plan : plans) {
    LODE_ASSIGN(const int64_t own, needed_bytes(plan, options, n_threads));
    needed += own;
  }
  MemoryLimit limit = memory_limit();
  if (options.max_memory_bytes > 0) limit = {options.max_memory_bytes, "--max-memory"};
  if (needed <= limit.n_bytes) return {};
  return fail(Code::too_large,
              fmt::format("this configuration needs {} of memory for weights, queue and the longest text, and {} is {}",
                          bytes(needed), limit.source, bytes(limit.n_bytes)),
              "Lower --max-length, --max-batch-tokens or --max-queue-tokens, or serve fewer or smaller models.");
}

}  // namespace

Result<std::vector<ModelPlan>> plan_models(const ServeOptions& options, const Globals& globals) {
  std::vector<ModelPlan> plans;
  const std::vector<std::string> names = options.models.empty() ? std::vector<std::string>{""} : options.models;
  for (const std::string& name : names) {
    LODE_ASSIGN(std::filesystem::path folder, resolve_model(name));
    std::string id = served_name(folder);
    plans.push_back({.given = name, .folder = std::move(folder), .id = std::move(id)});
  }
  for (const std::string& text : options.shares) {
    LODE_ASSIGN(const Assignment assignment, read_assignment("--share", text, "MODEL=N", "nv-embed-v1=3"));
    const auto plan = std::ranges::find_if(plans, [&](const ModelPlan& p) {
      return p.given == assignment.name || p.id == assignment.name || p.id.ends_with("/" + assignment.name);
    });
    if (plan == plans.end()) {
      return fail(Code::invalid_argument, fmt::format("--share '{}' names a model that is not served", text),
                  "Name it as it is given to --model.");
    }
    LODE_ASSIGN(plan->share, share_of(text, assignment.value));
  }
  LODE_TRY(check_memory(plans, options, threads_of(globals)));
  return plans;
}

Result<std::vector<LoadedModel>> load_models(const std::vector<ModelPlan>& plans, const ServeOptions& options,
                                             const Globals& globals) {
  const auto pool = std::make_shared<ThreadPool>(threads_of(globals));
  std::vector<LoadedModel> loaded;
  for (const ModelPlan& plan : plans) {
    const auto begun = std::chrono::steady_clock::now();
    LODE_ASSIGN(auto embedder, embed::Embedder::open(plan.folder, {.n_threads = globals.threads,
                                                                   .max_batch_tokens = options.max_batch_tokens,
                                                                   .max_tokens = options.max_length,
                                                                   .arithmetic = model::find_arithmetic(options.dtype),
                                                                   .pool = pool}));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    loaded.push_back({.id = plan.id, .embedder = std::move(embedder), .load_s = took.count()});
  }
  return loaded;
}

Status name_models(const std::vector<ModelPlan>& plans, const ServeOptions& options, server::Models& models) {
  for (const std::string& name : options.served_names) LODE_TRY(models.add_alias(name, plans.front().id));
  const ModelPlan& first = plans.front();
  const std::string example = fmt::format("my-model={}", first.given.empty() ? first.id : first.given);
  for (const std::string& text : options.aliases) {
    LODE_ASSIGN(Assignment alias, read_assignment("--alias", text, "NAME=MODEL", example));
    const auto plan = std::ranges::find(plans, alias.value, &ModelPlan::given);
    LODE_TRY(models.add_alias(std::move(alias.name), plan == plans.end() ? alias.value : plan->id));
  }
  return {};
}

}  // namespace lode::apps
