#include "eval/git_trees.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <git2.h>

namespace lode::eval {
namespace {

constexpr int kMaxDepth = 256;
constexpr size_t kCommitDigits = 40;

// The library counts how often it was started.
class Library {
 public:
  Library() { git_libgit2_init(); }
  ~Library() { git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using RepositoryPtr = std::unique_ptr<git_repository, Freed<git_repository_free>>;
using DatabasePtr = std::unique_ptr<git_odb, Freed<git_odb_free>>;
using ObjectPtr = std::unique_ptr<git_odb_object, Freed<git_odb_object_free>>;
using CommitPtr = std::unique_ptr<git_commit, Freed<git_commit_free>>;
using TreePtr = std::unique_ptr<git_tree, Freed<git_tree_free>>;

// What libgit2 says of its last failure on this thread.
std::string reason() {
  const git_error* const error = git_error_last();
  return error == nullptr || error->message == nullptr ? "no reason given" : error->message;
}

std::unexpected<Error> missing_object(const std::filesystem::path& repository, std::string_view what, int code) {
  return fail(code == GIT_ENOTFOUND ? Code::not_found : Code::corrupt,
              fmt::format("{} lacks {}: {}", repository.string(), what, reason()),
              code == GIT_ENOTFOUND
                  ? "A shallow or partial clone lacks objects: git fetch --unshallow, or clone it whole."
                  : "Run git fsck in it, or clone it again.");
}

Result<RepositoryPtr> open_repository(const std::filesystem::path& folder) {
  git_repository* opened = nullptr;
  const int code = git_repository_open_ext(&opened, folder.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
  RepositoryPtr repository(opened);
  if (code == 0) return repository;
  if (code == GIT_EOWNER) {
    return fail(Code::permission, fmt::format("{} belongs to another user: {}", folder.string(), reason()),
                fmt::format("git config --global --add safe.directory {}", folder.string()));
  }
  return fail(code == GIT_ENOTFOUND ? Code::not_found : Code::unsupported,
              fmt::format("{} is no git repository that can be read: {}", folder.string(), reason()),
              "Clone it again, bare or not.");
}

std::string hex(const git_oid& id) {
  std::string out(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(out.data(), &id);
  return out;
}

}  // namespace

// Walks commits and numbers what it meets. A folder that does not change from one commit to the next is read once.
class GitWalk {
 public:
  GitWalk(git_repository* repository, GitTrees& out, GitTrees::Keep keep)
      : repository_(repository), out_(out), keep_(keep) {}

  Status add(const NamedCommit& named) {
    git_oid id;
    if (named.commit.size() != kCommitDigits || git_oid_fromstr(&id, named.commit.c_str()) != 0) {
      return fail(Code::corrupt, fmt::format("the base_commit of {} is \"{}\", {} hex digits were expected", named.name,
                                             named.commit, kCommitDigits));
    }
    git_commit* found_commit = nullptr;
    int code = git_commit_lookup(&found_commit, repository_, &id);
    const CommitPtr commit(found_commit);
    if (code != 0) return missing(fmt::format("the commit {} of {}", named.commit, named.name), code);
    git_tree* found_tree = nullptr;
    code = git_commit_tree(&found_tree, commit.get());
    const TreePtr tree(found_tree);
    if (code != 0) return missing(fmt::format("the tree of the commit {}", named.commit), code);

    GitTrees::Tree all{.name = named.name, .commit = named.commit, .files = {}};
    LODE_TRY(walk(*tree, "", 0, all.files));
    std::ranges::sort(all.files, {},
                      [&](const GitTrees::File& file) -> const std::string& { return out_.paths_[file.path]; });
    out_.trees_.push_back(std::move(all));
    return {};
  }

 private:
  // Appends the files below a folder. prefix: its path, with a slash behind it, or "".
  Status walk(git_tree& folder, const std::string& prefix, int depth, std::vector<GitTrees::File>& files) {
    if (depth > kMaxDepth) return fail(Code::corrupt, fmt::format("folders lie deeper than {} at {}", depth, prefix));
    for (size_t i = 0; i < git_tree_entrycount(&folder); ++i) {
      const git_tree_entry* const entry = git_tree_entry_byindex(&folder, i);
      const git_oid& id = *git_tree_entry_id(entry);
      std::string path = prefix + git_tree_entry_name(entry);
      switch (git_tree_entry_filemode(entry)) {
        case GIT_FILEMODE_TREE: LODE_TRY(walk_below(id, path + "/", depth + 1, files)); break;
        case GIT_FILEMODE_BLOB:
        case GIT_FILEMODE_BLOB_EXECUTABLE:
          if (keep_(path)) files.push_back({path_number(std::move(path)), blob_number(id)});
          break;
        default: break;  // a symbolic link, a submodule
      }
    }
    return {};
  }

  Status walk_below(const git_oid& id, const std::string& prefix, int depth, std::vector<GitTrees::File>& files) {
    const std::string key = std::string(reinterpret_cast<const char*>(id.id), GIT_OID_RAWSZ) + prefix;
    auto known = folders_.find(key);
    if (known == folders_.end()) {
      git_tree* found = nullptr;
      const int code = git_tree_lookup(&found, repository_, &id);
      const TreePtr tree(found);
      if (code != 0) return missing(fmt::format("the tree {} of {}", hex(id), prefix), code);
      std::vector<GitTrees::File> below;
      LODE_TRY(walk(*tree, prefix, depth, below));
      known = folders_.emplace(key, std::move(below)).first;
    }
    files.insert(files.end(), known->second.begin(), known->second.end());
    return {};
  }

  uint32_t path_number(std::string path) {
    const auto [found, is_new] = paths_.try_emplace(std::move(path), static_cast<uint32_t>(out_.paths_.size()));
    if (is_new) out_.paths_.push_back(found->first);
    return found->second;
  }
  uint32_t blob_number(const git_oid& id) {
    const auto [found, is_new] = blobs_.try_emplace(std::string(reinterpret_cast<const char*>(id.id), GIT_OID_RAWSZ),
                                                    static_cast<uint32_t>(out_.blobs_.size()));
    if (is_new) std::memcpy(out_.blobs_.emplace_back().data(), id.id, GIT_OID_RAWSZ);
    return found->second;
  }
  [[nodiscard]] std::unexpected<Error> missing(std::string_view what, int code) const {
    return missing_object(out_.repository_, what, code);
  }

  git_repository* repository_;
  GitTrees& out_;
  GitTrees::Keep keep_;
  std::unordered_map<std::string, std::vector<GitTrees::File>> folders_;  // by id and path
  std::unordered_map<std::string, uint32_t> paths_;
  std::unordered_map<std::string, uint32_t> blobs_;  // by id
};

Result<GitTrees> GitTrees::read(const std::filesystem::path& repository, std::span<const NamedCommit> commits,
                                Keep keep) {
  const Library library;
  LODE_ASSIGN(const RepositoryPtr opened, open_repository(repository));
  GitTrees out;
  out.repository_ = repository;
  GitWalk walk(opened.get(), out, keep);
  for (const NamedCommit& commit : commits) LODE_TRY(walk.add(commit));
  return out;
}

Status GitTrees::each_blob(const OnBlob& visit) const {
  const Library library;
  LODE_ASSIGN(const RepositoryPtr repository, open_repository(repository_));
  git_odb* opened = nullptr;
  if (const int code = git_repository_odb(&opened, repository.get()); code != 0) {
    return missing_object(repository_, "its object database", code);
  }
  const DatabasePtr database(opened);
  for (size_t i = 0; i < blobs_.size(); ++i) {
    git_oid id;
    git_oid_fromraw(&id, blobs_[i].data());
    size_t n_bytes = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    int code = git_odb_read_header(&n_bytes, &type, database.get(), &id);
    if (code != 0) return missing_object(repository_, fmt::format("the file {}", hex(id)), code);
    if (type != GIT_OBJECT_BLOB) {
      return fail(Code::corrupt, fmt::format("{}: {} is a {}, a blob was expected", repository_.string(), hex(id),
                                             git_object_type2string(type)));
    }
    if (n_bytes > kMaxBlobBytes) {
      return fail(Code::too_large, fmt::format("{}: the file {} has {} bytes, at most {} are read",
                                               repository_.string(), hex(id), n_bytes, kMaxBlobBytes));
    }
    git_odb_object* read = nullptr;
    code = git_odb_read(&read, database.get(), &id);
    const ObjectPtr object(read);
    if (code != 0) return missing_object(repository_, fmt::format("the file {}", hex(id)), code);
    visit(static_cast<uint32_t>(i), std::string_view(static_cast<const char*>(git_odb_object_data(object.get())),
                                                     git_odb_object_size(object.get())));
  }
  return {};
}

}  // namespace lode::eval
