// The models Lodestone knows by name and the folder where `lode pull` puts them: $LODE_HOME/models, by default
// ~/.cache/lode/models, one folder a model under its lower-case name. A model is in the store when its folder is: pull
// renames it there as the last step. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

struct KnownModel {
  std::string_view name;    // in the store: "nv-embed-v1"
  std::string_view vendor;  // as served and typed: "nvidia"
  std::string_view hub_id;  // on the hub: "nvidia/NV-Embed-v1"
  std::string_view licence;
  int n_dims;
  int max_tokens;
  int64_t download_bytes;           // of the weights
  std::string_view weights_sha256;  // of model.safetensors where one file is all and its sum is published; else ""
  bool is_bert = false;             // else of Mistral's architecture
};

inline constexpr std::string_view kDefaultModel = "all-minilm-l6-v2";

std::span<const KnownModel> known_models();

// By name in any letter case, with or without the vendor or the hub's vendor in front; null when unknown.
const KnownModel* find_known(std::string_view name);
// The known names, and the nearest to `name` where it looks like a slip.
Error unknown_model(std::string_view name);

// Where Lodestone keeps its things: $LODE_HOME or ~/.cache/lode; an error when neither LODE_HOME nor HOME says where.
Result<std::filesystem::path> home_folder();
// The store's folder in it; an error when neither LODE_HOME nor HOME says where.
Result<std::filesystem::path> store_folder();
Result<std::filesystem::path> installed_folder(const KnownModel& model);
bool is_installed(const std::filesystem::path& folder);
// A folder's own name, or a GGUF file's without its ending: "." and trailing slashes resolved, links not (a cache's
// snapshot has a revision for a name).
std::string own_name(const std::filesystem::path& path);

}  // namespace lode::apps
