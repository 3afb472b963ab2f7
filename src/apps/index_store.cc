#include "apps/index_store.h"

#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "apps/model_store.h"
#include "search/content_hash.h"
#include "search/folder_tree.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHashBytes = 8;

// The main work tree of the one whose top `folder` is; `folder` itself if there is none.
fs::path main_work_tree(const fs::path& folder) {
  const fs::path git = search::common_git_folder(folder);
  std::error_code error;
  if (git.filename() != ".git") return folder;
  const fs::path main = fs::canonical(git.parent_path(), error);
  return error ? folder : main;
}

}  // namespace

Result<IndexPlace> locate_index(const std::string& folder, const std::string& index, const std::string& revision) {
  std::error_code error;
  const fs::path named = folder.empty() ? fs::path(".") : fs::path(folder);
  const fs::path top = fs::canonical(named, error);
  if (error || !fs::is_directory(top, error)) {
    return fail(Code::not_found, fmt::format("there is no folder {}", named.string()), "Name a folder that exists");
  }
  IndexPlace place{.root = {.folder = top.string(), .revision = revision}, .index = index};
  if (!index.empty()) return place;
  const fs::path main = main_work_tree(top);
  const search::ContentHash hash = search::content_hash(main.string());
  std::string name = main.filename().string() + "-";
  for (size_t i = 0; i < kHashBytes; ++i) name += fmt::format("{:02x}", hash[i]);
  LODE_ASSIGN(const fs::path home, home_folder());
  place.index = home / "indexes" / name;
  return place;
}

}  // namespace lode::apps
