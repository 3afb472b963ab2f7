// The models of one `lode serve`: found, checked against the memory there is, loaded, each behind its queue of one
// engine, and named. Main thread; what it holds is used by the server's threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/serve_options.h"
#include "base/error.h"
#include "embed/embedder.h"
#include "embed/engine.h"
#include "server/models.h"
#include "server/service.h"

namespace lode::apps {

// A model that was named and found, but not loaded.
struct ModelPlan {
  std::string given;  // as given to --model
  std::filesystem::path folder;
  std::string id;
  double share = 1;
};

// Errors: a model is not there, two have one name, --share names no model, or together they need more memory than
// there is.
Result<std::vector<ModelPlan>> plan_models(const ServeOptions& options, const Globals& globals);

struct LoadedModel {
  std::string id;
  std::unique_ptr<embed::Embedder> embedder;
  double load_s = 0;
};

// Loads them, one thread pool for all: they compute in turn.
Result<std::vector<LoadedModel>> load_models(const std::vector<ModelPlan>& plans, const ServeOptions& options,
                                             const Globals& globals);

// Further names: --served-model-name and --alias.
Status name_models(const std::vector<ModelPlan>& plans, const ServeOptions& options, server::Models& models);

}  // namespace lode::apps
