// Which files of a published model Lodestone needs, whether they come from the hub, a folder or a wheel. Names from
// outside pass through here before they become paths: what is not needed is never written, and what is needed cannot
// climb out. Pure.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::apps {

// True for a relative path with ordinary segments: no "..", no leading slash, no backslash, no control characters.
bool is_safe_path(std::string_view path);

// Needed: config.json, the weights (model*.safetensors and the index), the tokenizer, the sentence-transformers files
// with the config.json of their module folders, README and licence. Paths use '/'; unsafe ones are not needed.
bool is_needed(std::string_view path);

// The needed files of a folder, as sorted relative paths; follows links, as the caches of other tools are made of them.
Result<std::vector<std::string>> needed_files(const std::filesystem::path& folder);

}  // namespace lode::apps
