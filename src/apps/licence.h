// Under which licence a model folder's weights are, and what that forbids: a known model's by name, else what its model
// card (README.md) or a GGUF file's metadata say. Only a hint to the user; the licence's own text decides. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lode::apps {

struct Licence {
  std::string name;         // "CC-BY-NC-4.0"; empty when nothing says
  std::string restriction;  // "non-commercial use only", or empty
  std::string source;       // where the name was read
};

// `origin`: the hub id that config.json carries (_name_or_path), "" when none; asked last, since a fine-tuned model
// keeps it.
Licence find_licence(const std::filesystem::path& folder, std::string_view origin);

// The licence of a model card's front matter; "" when it has none.
std::string card_licence(std::string_view card);

}  // namespace lode::apps
