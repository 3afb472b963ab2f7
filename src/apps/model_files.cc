#include "apps/model_files.h"

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 16> kPlainFiles{"config.json",       "model.safetensors.index.json",
                                                       "tokenizer.json",    "tokenizer.model",
                                                       "vocab.txt",         "tokenizer_config.json",
                                                       "vocab.json",        "merges.txt",
                                                       "modules.json",      "special_tokens_map.json",
                                                       "added_tokens.json", "sentence_bert_config.json",
                                                       "LICENSE",           "config_sentence_transformers.json",
                                                       "instructions.json", "README.md"};

}  // namespace

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 512 || path.front() == '/' || path.back() == '/') return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':') return false;
  }
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment.empty() || segment == "." || segment == "..") return false;
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
  }
  return true;
}

bool is_needed(std::string_view path) {
  if (!is_safe_path(path)) return false;
  const size_t slash = path.find('/');
  if (slash != std::string_view::npos) return path.substr(slash + 1) == "config.json";  // 1_Pooling/config.json
  return std::ranges::find(kPlainFiles, path) != kPlainFiles.end() || path.starts_with("LICENSE.") ||
         path.starts_with("NOTICE") || (path.starts_with("model") && path.ends_with(".safetensors"));
}

Result<std::vector<std::string>> needed_files(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code dangling;  // a link to nowhere is like a file that is not there
    const bool is_folder = entry->is_directory(dangling);
    const fs::path path = is_folder ? entry->path().filename() / "config.json" : entry->path().filename();
    if (is_needed(path.string()) && fs::is_regular_file(folder / path, dangling)) files.push_back(path.string());
  }
  if (error) return fail(Code::io, fmt::format("cannot list {}: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

}  // namespace lode::apps
