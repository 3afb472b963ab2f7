// `lode inspect`: what a model folder holds and what it will cost, without loading it. Checks the files as a load
// would; of a model whose tensors are not those that its configuration needs it says so, in place of its memory.
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/json_text.h"
#include "apps/memory_estimate.h"
#include "apps/model_cards.h"
#include "apps/progress.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "embed/embedder.h"
#include "model/config.h"
#include "model/model.h"
#include "model/rounding.h"
#include "text/tokenizer.h"
#include "weights/checkpoint.h"

namespace lode::apps {
namespace {

using nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  bool tensors = false;
};

struct TypeTotal {
  std::string_view type;
  int64_t n_tensors = 0;
  int64_t n_parameters = 0;
};

struct Report {
  std::string name;
  weights::Checkpoint checkpoint;
  model::ModelConfig config;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::vector<TypeTotal> types;  // those that occur
  int64_t n_parameters = 0;
  std::optional<Error> problem;                                      // why the model cannot be loaded
  std::vector<std::pair<model::Arithmetic, MemoryEstimate>> memory;  // by --dtype; empty where there is a problem
  server::ModelCard card;
};

Result<Report> make_report(const std::string& model) {
  LODE_ASSIGN(const std::filesystem::path folder, resolve_model(model));
  LODE_ASSIGN(weights::Checkpoint checkpoint, weights::Checkpoint::open(folder));
  LODE_ASSIGN(model::ModelConfig config, model::read_config(checkpoint));
  LODE_ASSIGN(std::unique_ptr<text::Tokenizer> tokenizer, text::load_tokenizer(folder));
  Report report{served_name(folder), std::move(checkpoint), std::move(config), std::move(tokenizer), {}, 0, {}, {}, {}};
  for (const weights::Tensor& tensor : report.checkpoint.tensors()) {
    const std::string_view type = weights::type_name(tensor);
    auto total = std::ranges::find(report.types, type, &TypeTotal::type);
    if (total == report.types.end()) total = report.types.insert(total, TypeTotal{type});
    ++total->n_tensors;
    total->n_parameters += tensor.n_elements();
    report.n_parameters += tensor.n_elements();
  }
  if (Status usable = model::Model::check(report.checkpoint); !usable) report.problem = std::move(usable).error();
  for (const auto arithmetic : model::kArithmetics) {
    if (report.problem || !model::choose_arithmetic(arithmetic, report.checkpoint, *kernels::portable_kernels()))
      continue;
    report.memory.emplace_back(arithmetic,
                               estimate_memory(report.config, report.checkpoint, arithmetic,
                                               embed::EmbedderOptions().max_batch_tokens, available_cores()));
  }
  report.card = read_model_card(folder);
  return report;
}

std::string pooling_text(const model::ModelConfig& c) {
  std::string out(model::name(c.pooling));
  if (c.pooling == model::Pooling::latent_attention) {
    out += fmt::format(" ({} heads of {} over {} latents)", c.n_cross_heads, c.cross_head_dim, c.n_latents);
  }
  out += c.normalize ? ", L2-normalised" : ", not normalised";
  if (!c.pool_instruction) out += ", instruction not pooled";
  return out;
}

std::string count_text(int64_t n) {
  const auto value = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.2f} billion", value / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.1f} million", value / 1e6);
  return std::to_string(n);
}

std::string bytes_text(int64_t n_bytes) {
  return format_bytes(static_cast<uint64_t>(n_bytes));
}

std::string tensors_text(const Report& report) {
  const auto& checkpoint = report.checkpoint;
  std::vector<std::string> types;
  for (const TypeTotal& total : report.types) {
    types.push_back(fmt::format("{} {}", total.n_tensors, total.type));
  }
  const size_t n_files = checkpoint.files().size();
  return fmt::format("{}; {} parameters, {} in {} file{}", fmt::join(types, ", "), count_text(report.n_parameters),
                     bytes_text(static_cast<int64_t>(checkpoint.total_bytes())), n_files, n_files == 1 ? "" : "s");
}

// Text from a file on a terminal: as it is, or quoted where it could move the cursor.
std::string printable(std::string_view text) {
  const bool plain = std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return plain ? std::string(text) : json::quote(text);
}

std::string prompt_text(const std::string& prompt) {
  return prompt.empty() ? "none" : json::quote(prompt);
}

// "[CLS] text [SEP]": what stands around a text.
std::string sequence_text(const Report& report) {
  std::string out;
  const auto add = [&](std::span<const text::TokenId> ids) {
    for (const text::TokenId id : ids) out += fmt::format(" {}", printable(report.tokenizer->piece_of(id)));
  };
  add(report.tokenizer->template_prefix());
  out += report.config.append_eos_text ? " text </s>" : " text";
  add(report.tokenizer->template_suffix());
  return out.substr(1);
}

// A model that can be loaded needs none of the tensors of other types.
std::string_view fate_of_skipped(const Report& report) {
  return report.problem ? "not computed with" : "not used";
}

// What the model's card says; row(label, text) for each line.
template <class Row>
void card_rows(const server::ModelCard& card, const Row& row) {
  row("Licence", card.licence.empty()
                     ? "not stated in the folder"
                     : fmt::format("{}{}{} (from {})", printable(card.licence), card.restriction.empty() ? "" : ": ",
                                   card.restriction, card.licence_source));
  if (!card.url.empty()) row("Card", printable(card.url));
  if (!card.languages.empty()) row("Languages", printable(fmt::format("{}", fmt::join(card.languages, ", "))));
  if (card.trained_tokens > 0) row("Trained on", fmt::format("texts of at most {} tokens", card.trained_tokens));
  const char* label = "Limits";
  for (const std::string& limit : card.limits) row(std::exchange(label, ""), limit);
}

std::string table(const Report& report, bool with_tensors) {
  const model::ModelConfig& c = report.config;
  std::string out;
  const char* label = "";
  const auto row = [&](std::string_view name, std::string_view text) { out += fmt::format("{:<12} {}\n", name, text); };
  row("Model", report.name);
  row("Folder", report.checkpoint.folder().string());
  row("Family", fmt::format("{} ({}, {} attention)", c.family, model::name(c.architecture), model::name(c.attention)));
  row("Layers", fmt::format("{} of width {}, {} heads of {} ({} for keys and values), feed-forward {}", c.n_layers,
                            c.d_model, c.n_heads, c.head_dim, c.n_kv_heads, c.d_ff));
  row("Pooling", pooling_text(c));
  row("Dimensions", std::to_string(c.d_model));
  row("Max tokens", fmt::format("{} (the model has {} positions)", c.max_tokens, c.max_positions));
  row("Tokenizer", fmt::format("{}; {} pieces; a sequence is {}", report.tokenizer->description(),
                               report.tokenizer->vocab_size(), sequence_text(report)));
  row("Task", prompt_text(c.prompts.task_template));
  row("Query", prompt_text(c.prompts.query));
  row("Passage", prompt_text(c.prompts.passage));
  row("Tensors", tensors_text(report));
  if (const auto skipped = report.checkpoint.skipped(); !skipped.empty()) {
    row("", fmt::format("{} of other types, {}", skipped.size(), fate_of_skipped(report)));
  }
  if (report.problem) row("Unusable", printable(report.problem->line()));
  label = "Memory";
  for (const auto& [arithmetic, memory] : report.memory) {
    row(std::exchange(label, ""),
        fmt::format("{} of weights and {} for a pass of {} tokens, computing in {}", bytes_text(memory.weight_bytes),
                    bytes_text(memory.pass_bytes), memory.pass_tokens, model::name(arithmetic)));
  }
  card_rows(report.card, row);
  if (!with_tensors) return out;
  size_t width = 0;
  for (const weights::Tensor& tensor : report.checkpoint.tensors()) width = std::max(width, tensor.name.size());
  out += "\n";
  for (const weights::Tensor& tensor : report.checkpoint.tensors()) {
    out += fmt::format("{:<{}}  {:<4}  {:<16}  {:>9}  {}\n", printable(tensor.name), width, weights::type_name(tensor),
                       tensor.shape_text(), format_bytes(tensor.n_bytes),
                       printable(report.checkpoint.files()[tensor.file]));
  }
  for (const weights::SkippedTensor& tensor : report.checkpoint.skipped()) {
    out += fmt::format("{:<{}}  {}, {}\n", printable(tensor.name), width, printable(tensor.dtype),
                       fate_of_skipped(report));
  }
  return out;
}

ordered_json config_json(const model::ModelConfig& c) {
  ordered_json out{{"family", c.family},
                   {"architecture", model::name(c.architecture)},
                   {"attention", model::name(c.attention)},
                   {"n_layers", c.n_layers},
                   {"d_model", c.d_model},
                   {"n_heads", c.n_heads},
                   {"n_kv_heads", c.n_kv_heads},
                   {"head_dim", c.head_dim},
                   {"d_ff", c.d_ff},
                   {"vocab_size", c.vocab_size},
                   {"norm_eps", c.norm_eps}};
  if (c.architecture == model::Architecture::mistral) out["rope_theta"] = c.rope_theta;
  return out;
}

ordered_json pooling_json(const model::ModelConfig& c) {
  ordered_json out{
      {"kind", model::name(c.pooling)}, {"normalize", c.normalize}, {"pool_instruction", c.pool_instruction}};
  if (c.pooling == model::Pooling::latent_attention) {
    out["n_latents"] = c.n_latents;
    out["n_heads"] = c.n_cross_heads;
    out["head_dim"] = c.cross_head_dim;
  }
  return out;
}

ordered_json tensors_json(const Report& report, bool with_list) {
  const weights::Checkpoint& checkpoint = report.checkpoint;
  ordered_json types = ordered_json::object();
  for (const TypeTotal& total : report.types) {
    types[std::string(total.type)] = {{"tensors", total.n_tensors}, {"parameters", total.n_parameters}};
  }
  ordered_json out{{"count", checkpoint.tensors().size()},
                   {"parameters", report.n_parameters},
                   {"bytes", checkpoint.total_bytes()},
                   {"types", std::move(types)},
                   {"files", std::vector<std::string>(checkpoint.files().begin(), checkpoint.files().end())}};
  out["skipped"] = ordered_json::array();
  for (const weights::SkippedTensor& tensor : checkpoint.skipped()) {
    out["skipped"].push_back({{"name", tensor.name}, {"dtype", tensor.dtype}});
  }
  if (!with_list) return out;
  out["list"] = ordered_json::array();
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    out["list"].push_back({{"name", tensor.name},
                           {"dtype", weights::type_name(tensor)},
                           {"shape", tensor.shape},
                           {"bytes", tensor.n_bytes},
                           {"file", checkpoint.files()[tensor.file]}});
  }
  return out;
}

ordered_json card_json(const server::ModelCard& card) {
  const auto or_null = [](int64_t n) { return n == 0 ? ordered_json() : ordered_json(n); };
  return {{"title", card.title.empty() ? ordered_json() : ordered_json(card.title)},
          {"url", card.url.empty() ? ordered_json() : ordered_json(card.url)},
          {"parameters", or_null(card.n_parameters)},
          {"published_max_tokens", or_null(card.published_max_tokens)},
          {"trained_tokens", or_null(card.trained_tokens)},
          {"languages", card.languages},
          {"limits", card.limits}};
}

std::string report_json(const Report& report, bool with_tensors) {
  const model::ModelConfig& c = report.config;
  const text::Tokenizer& tokenizer = *report.tokenizer;
  const auto ids = [](std::span<const text::TokenId> list) { return std::vector(list.begin(), list.end()); };
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); };
  ordered_json memory = ordered_json::object();
  for (const auto& [arithmetic, estimate] : report.memory) {
    memory[model::name(arithmetic)] = {{"weights_bytes", estimate.weight_bytes},
                                       {"pass_bytes", estimate.pass_bytes},
                                       {"pass_tokens", estimate.pass_tokens}};
  }
  const ordered_json out{
      {"name", report.name},
      {"folder", report.checkpoint.folder().string()},
      {"dims", c.d_model},
      {"max_tokens", c.max_tokens},
      {"max_positions", c.max_positions},
      {"config", config_json(c)},
      {"pooling", pooling_json(c)},
      {"prompts",
       {{"task", or_null(c.prompts.task_template)}, {"query", c.prompts.query}, {"passage", c.prompts.passage}}},
      {"tokenizer",
       {{"description", tokenizer.description()},
        {"vocab_size", tokenizer.vocab_size()},
        {"prefix", ids(tokenizer.template_prefix())},
        {"suffix", ids(tokenizer.template_suffix())},
        {"appends_eos_text", c.append_eos_text}}},
      {"tensors", tensors_json(report, with_tensors)},
      {"problem", report.problem ? ordered_json(report.problem->message) : ordered_json()},
      {"memory", std::move(memory)},
      {"licence",
       {{"name", or_null(report.card.licence)},
        {"restriction", or_null(report.card.restriction)},
        {"url", or_null(report.card.licence_url)},
        {"source", or_null(report.card.licence_source)}}},
      {"card", card_json(report.card)}};
  return json_text(out, 2);
}

}  // namespace

void add_inspect(Commands& commands) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App& app = commands.add("inspect", "Show what a model is made of and what it needs", "lode inspect nv-embed-v1",
                               [&commands, options]() -> Status {
                                 LODE_ASSIGN(const Report report, make_report(options->model));
                                 return write_stdout(commands.globals().json ? report_json(report, options->tensors)
                                                                             : table(report, options->tensors));
                               });
  app.add_option("model", options->model, "Folder, .gguf file or name of a model (default: the default model)");
  app.add_flag("--tensors", options->tensors, "List every tensor");
}

}  // namespace lode::apps
