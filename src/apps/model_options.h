// Options of every command that runs a model: which one, in which arithmetic, with how many threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

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

// --truncate none, start or end, bound to one of these names, and what it means.
void add_truncate_option(CLI::App& app, std::string& truncate);
embed::Truncate truncate_named(std::string_view name);
// The error of a text that is too long, with that flag as the remedy; others as they are.
Error cut_by_flag(Error error);

Result<std::unique_ptr<embed::Embedder>> open_embedder(const ModelOptions& options, const Globals& globals);
// The same for a folder that resolve_model() gave.
Result<std::unique_ptr<embed::Embedder>> open_embedder(const std::filesystem::path& folder, const ModelOptions& options,
                                                       const Globals& globals);

}  // namespace lode::apps
