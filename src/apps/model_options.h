// Options of every command that runs a model: which one, in which arithmetic, with how many threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "apps/command.h"
#include "base/error.h"
#include "embed/embedder.h"

namespace lode::apps {

struct ModelOptions {
  std::string model;                // --model, "" is the default model
  std::string dtype = "auto";       // --dtype
  int64_t max_batch_tokens = 2048;  // --max-batch-tokens
};

// --model, --dtype and --max-batch-tokens.
void add_model_options(CLI::App& app, ModelOptions& options);

Result<std::unique_ptr<embed::Embedder>> open_embedder(const ModelOptions& options, const Globals& globals);
// The same for a folder that resolve_model() gave.
Result<std::unique_ptr<embed::Embedder>> open_embedder(const std::filesystem::path& folder, const ModelOptions& options,
                                                       const Globals& globals);

}  // namespace lode::apps
