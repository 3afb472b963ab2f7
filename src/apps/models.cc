// `lode models`: what is known by name, what is in the store, and what each one costs and allows.
#include <string>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/json_text.h"
#include "apps/model_store.h"

namespace lode::apps {
namespace {

std::string gigabytes(int64_t n_bytes) {
  return n_bytes < 1'000'000'000 ? fmt::format("{:.0f} MB", static_cast<double>(n_bytes) / 1e6)
                                 : fmt::format("{:.1f} GB", static_cast<double>(n_bytes) / 1e9);
}

Status print_json() {
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (const KnownModel& model : known_models()) {
    LODE_ASSIGN(const std::filesystem::path folder, installed_folder(model));
    const bool installed = is_installed(folder);
    nlohmann::ordered_json row{
        {"name", model.name},       {"id", model.hub_id},   {"default", model.name == kDefaultModel},
        {"installed", installed},   {"folder", nullptr},    {"download_bytes", model.download_bytes},
        {"licence", model.licence}, {"dims", model.n_dims}, {"max_tokens", model.max_tokens}};
    if (installed) row["folder"] = folder.string();
    report.push_back(std::move(row));
  }
  return write_stdout(json_text(report, 2));
}

Status print_table() {
  LODE_ASSIGN(const std::filesystem::path store, store_folder());
  std::string out = fmt::format("{:<20} {:<10} {:>8} {:>5} {:>10}  {}\n", "NAME", "INSTALLED", "SIZE", "DIMS",
                                "MAX TOKENS", "LICENCE");
  for (const KnownModel& model : known_models()) {
    const bool installed = is_installed(store / model.name);
    out += fmt::format("{:<20} {:<10} {:>8} {:>5} {:>10}  {}{}\n", model.name, installed ? "yes" : "no",
                       gigabytes(model.download_bytes), model.n_dims, model.max_tokens, model.licence,
                       model.name == kDefaultModel ? " (default model)" : "");
  }
  return write_stdout(
      out +
      fmt::format(
          "\nIn {}; get one with `lode pull NAME`. A folder in Hugging Face layout or a GGUF file works as well.\n",
          store.string()));
}

}  // namespace

void add_models(Commands& commands) {
  commands.add("models", "List the models that are known and installed", "lode models",
               [&commands] { return commands.globals().json ? print_json() : print_table(); });
}

}  // namespace lode::apps
