#include "apps/model_store.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/nearest.h"
#include "base/gguf.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::array kKnown{
    KnownModel{"all-minilm-l6-v2", "sentence-transformers", "sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0", 384,
               256, 90'868'376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", true},
    KnownModel{"nv-embed-v1", "nvidia", "nvidia/NV-Embed-v1", "CC-BY-NC-4.0", 4096, 4096, 15'702'032'384, ""},
    KnownModel{"nv-embed-v2", "nvidia", "nvidia/NV-Embed-v2", "CC-BY-NC-4.0", 4096, 32768, 15'702'032'384, ""},
    KnownModel{"nv-embedcode-7b-v1", "nvidia", "nvidia/NV-EmbedCode-7b-v1", "NVIDIA community licence + Apache-2.0",
               4096, 4096, 28'442'640'384, ""},
    KnownModel{"sfr-embedding-2_r", "salesforce", "Salesforce/SFR-Embedding-2_R", "CC-BY-NC-4.0", 4096, 4096,
               14'221'320'192, ""},
};

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

std::span<const KnownModel> known_models() {
  return kKnown;
}

const KnownModel* find_known(std::string_view name) {
  for (const KnownModel& model : kKnown) {
    if (same_letters(name, model.name) || same_letters(name, model.hub_id)) return &model;
  }
  return nullptr;
}

Error unknown_model(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownModel& model : kKnown) names.emplace_back(model.name);
  const size_t slash = name.rfind('/');
  std::string meant = nearest(slash == std::string_view::npos ? name : name.substr(slash + 1), names);
  return {Code::not_found,
          fmt::format("unknown model \"{}\": it is no folder that exists and none of {}", name, fmt::join(names, ", ")),
          meant.empty() ? "See `lode models`" : fmt::format("Did you mean {}?", meant)};
}

Result<fs::path> home_folder() {
  if (const char* home = environment("LODE_HOME")) return fs::path(home);
  if (const char* home = environment("HOME")) return fs::path(home) / ".cache" / "lode";
  return fail(Code::not_found, "neither LODE_HOME nor HOME is set, so there is no place for models and indexes",
              "Set LODE_HOME to a folder, or name the model or index by its folder");
}

Result<fs::path> store_folder() {
  LODE_ASSIGN(const fs::path home, home_folder());
  return home / "models";
}

Result<fs::path> installed_folder(const KnownModel& model) {
  LODE_ASSIGN(fs::path folder, store_folder());
  return folder / model.name;
}

bool is_installed(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "config.json", error);
}

Result<fs::path> resolve_model(std::string_view model) {
  const std::string_view name = model.empty() ? kDefaultModel : model;
  std::error_code error;
  const fs::path path(name);
  // What is here wins over a name.
  if (!model.empty() && (fs::is_directory(path, error) || gguf::is_gguf_file(path))) return path;
  const KnownModel* known = find_known(name);
  if (known == nullptr) {
    if (fs::exists(path, error)) {
      return fail(Code::not_found,
                  fmt::format("{} is a file, expected a model's folder or a .gguf file", path.string()),
                  "Name the folder that holds config.json and model.safetensors");
    }
    if (path.is_absolute() || name.starts_with("./") || name.starts_with("../") || name.starts_with("~") ||
        name.ends_with("/")) {
      return fail(Code::not_found, fmt::format("there is no folder {}", path.string()),
                  "Name a model's folder, or one of the names that `lode models` lists");
    }
    return std::unexpected(unknown_model(name));
  }
  LODE_ASSIGN(fs::path folder, installed_folder(*known));
  if (is_installed(folder)) return folder;
  return fail(Code::not_found,
              fmt::format("the model {} is not installed (looked in {})", known->name, folder.string()),
              fmt::format("Get it with `lode pull {}`", known->name));
}

std::string own_name(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // a trailing slash
  return (gguf::is_gguf_file(whole) ? whole.stem() : whole.filename()).string();
}

std::string served_name(const fs::path& folder) {
  std::error_code error;
  fs::path whole = fs::weakly_canonical(folder, error);
  if (error) whole = fs::absolute(folder, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string name = own_name(whole);
  if (const KnownModel* known = find_known(name)) return fmt::format("{}/{}", known->vendor, known->name);
  // The hub's own cache: models--nvidia--NV-Embed-v1/snapshots/<commit>.
  const std::string cached = whole.parent_path().parent_path().filename().string();
  if (whole.parent_path().filename() == "snapshots" && cached.starts_with("models--")) {
    const std::string_view flat = std::string_view(cached).substr(8);
    const size_t dashes = std::min(flat.find("--"), flat.size());
    const std::string id = dashes == flat.size()
                               ? std::string(flat)
                               : fmt::format("{}/{}", flat.substr(0, dashes), flat.substr(dashes + 2));
    const KnownModel* known = find_known(id);
    return known != nullptr ? fmt::format("{}/{}", known->vendor, known->name) : id;
  }
  return name;
}

}  // namespace lode::apps
