#include "apps/model_options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

namespace lode::apps {

void add_model_options(CLI::App& app, ModelOptions& options) {
  app.add_option("--model", options.model,
                 "A folder in Hugging Face layout, a .gguf file or a name in the store (default: all-minilm-l6-v2)")
      ->type_name("M");
  app.add_option("--dtype", options.dtype,
                 "Arithmetic of the linear layers; auto is what the file holds: bf16 of 16-bit weights "
                 "where the CPU has it, else f32")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "int8", "int4"}))
      ->type_name("TYPE")
      ->capture_default_str();
  app.add_option("--max-batch-tokens", options.max_batch_tokens, "Tokens of one pass; a longer text gets its own")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 24))
      ->type_name("N")
      ->capture_default_str();
}

void add_truncate_option(CLI::App& app, std::string& truncate) {
  app.add_option("--truncate", truncate, "Longer texts: cut at the end, at the start, or (none) an error")
      ->transform(CLI::IsMember({"none", "start", "end"}, CLI::ignore_case))
      ->type_name("HOW")
      ->capture_default_str();
}

embed::Truncate truncate_named(std::string_view name) {
  if (name == "none") return embed::Truncate::none;
  return name == "start" ? embed::Truncate::start : embed::Truncate::end;
}

Error cut_by_flag(Error error) {
  if (error.code == Code::too_long) error.hint = "Shorten the text, or let it be cut with --truncate end or start.";
  return error;
}

Result<std::unique_ptr<embed::Embedder>> open_embedder(const ModelOptions& options, const Globals& globals) {
  LODE_ASSIGN(const std::filesystem::path folder, resolve_model(options.model));
  return open_embedder(folder, options, globals);
}

Result<std::unique_ptr<embed::Embedder>> open_embedder(const std::filesystem::path& folder, const ModelOptions& options,
                                                       const Globals& globals) {
  return embed::Embedder::open(folder, {.n_threads = globals.threads,
                                        .max_batch_tokens = options.max_batch_tokens,
                                        .arithmetic = model::find_arithmetic(options.dtype)});
}

}  // namespace lode::apps
