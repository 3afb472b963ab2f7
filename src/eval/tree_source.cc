#include "eval/tree_source.h"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "eval/git_trees.h"
#include "eval/packed_trees.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

std::string file_name_of(std::string_view repo) {
  std::string out(repo);
  if (const size_t slash = out.find('/'); slash != std::string::npos) out.replace(slash, 1, "__");
  return out;
}

fs::path index_file(const TreeSource& source, std::string_view repo) {
  return source.packed / (file_name_of(repo) + ".index.tsv.xz");
}

fs::path blobs_file(const TreeSource& source, std::string_view repo) {
  return source.packed / (file_name_of(repo) + ".blobs.xz");
}

Result<fs::path> find_clone(const fs::path& folder, const std::string& repo) {
  const std::string name = file_name_of(repo);
  for (const std::string& one : {name, name + ".git"}) {
    std::error_code error;
    if (fs::is_directory(folder / one, error)) return folder / one;
  }
  return fail(Code::not_found, fmt::format("{} has no clone of {}: {} was expected", folder.string(), repo, name),
              fmt::format("git clone --bare https://github.com/{} {}/{}.git", repo, folder.string(), name));
}

}  // namespace

Result<std::unique_ptr<Trees>> open_trees(const TreeSource& source, const std::vector<Issue>& issues,
                                          const std::vector<size_t>& which) {
  LODE_CHECK(!which.empty());
  const std::string& repo = issues[which.front()].repo;
  if (!source.clones.empty()) {
    LODE_ASSIGN(const fs::path clone, find_clone(source.clones, repo));
    std::vector<NamedCommit> commits;
    for (const size_t i : which) commits.push_back({issues[i].id, issues[i].base_commit});
    LODE_ASSIGN(GitTrees trees, GitTrees::read(clone, commits, &is_candidate));
    return std::make_unique<GitTrees>(std::move(trees));
  }
  LODE_ASSIGN(PackedTrees trees, PackedTrees::read(index_file(source, repo), blobs_file(source, repo)));
  for (const size_t i : which) {
    if (trees.find(issues[i].id) != nullptr) continue;
    return fail(
        Code::not_found, fmt::format("{} has no tree for {}", index_file(source, repo).string(), issues[i].id),
        fmt::format("Its base tree is not in the packed data{}{}.", source.remedy.empty() ? "" : "; ", source.remedy));
  }
  return std::make_unique<PackedTrees>(std::move(trees));
}

uint64_t packed_bytes(const TreeSource& source, const std::string& repo) {
  std::error_code error;
  const auto n = fs::file_size(blobs_file(source, repo), error);
  return error || !source.clones.empty() ? 0 : n;
}

std::vector<fs::path> tree_files(const TreeSource& source, const std::vector<Issue>& issues) {
  std::vector<fs::path> out;
  if (!source.clones.empty()) return out;
  for (const auto& [repo, which] : by_repository(issues)) {
    out.push_back(index_file(source, repo));
    out.push_back(blobs_file(source, repo));
  }
  return out;
}

}  // namespace lode::eval
