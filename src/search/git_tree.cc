#include "search/git_tree.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <git2.h>

#include "search/ignore_rules.h"

namespace lode::search {
namespace {

constexpr int kMaxTreeDepth = 256;

// The library counts how often it was started.
class GitLibrary {
 public:
  GitLibrary() { git_libgit2_init(); }
  ~GitLibrary() { git_libgit2_shutdown(); }
  GitLibrary(const GitLibrary&) = delete;
  GitLibrary& operator=(const GitLibrary&) = delete;
};

template <auto Free>
struct GitFreed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using RepositoryPtr = std::unique_ptr<git_repository, GitFreed<git_repository_free>>;
using DatabasePtr = std::unique_ptr<git_odb, GitFreed<git_odb_free>>;
using ObjectPtr = std::unique_ptr<git_object, GitFreed<git_object_free>>;
using RawObjectPtr = std::unique_ptr<git_odb_object, GitFreed<git_odb_object_free>>;
using TreePtr = std::unique_ptr<git_tree, GitFreed<git_tree_free>>;

std::string git_reason() {
  const git_error* const error = git_error_last();
  return error == nullptr || error->message == nullptr ? "no reason given" : error->message;
}

Result<RepositoryPtr> open_repository(const std::filesystem::path& folder) {
  git_repository* opened = nullptr;
  const int code = git_repository_open_ext(&opened, folder.c_str(), 0, nullptr);
  RepositoryPtr repository(opened);
  if (code == 0) return repository;
  if (code == GIT_EOWNER) {
    return fail(Code::permission, fmt::format("{} belongs to another user: {}", folder.string(), git_reason()),
                fmt::format("git config --global --add safe.directory {}", folder.string()));
  }
  return fail(code == GIT_ENOTFOUND ? Code::not_found : Code::unsupported,
              fmt::format("{} is in no git repository that can be read: {}", folder.string(), git_reason()),
              "Name a clone, or leave the commit out to index the folder as it is");
}

std::string hex(const git_oid& id) {
  std::string out(GIT_OID_HEXSZ, '\0');
  git_oid_fmt(out.data(), &id);
  return out;
}

std::string raw(const git_oid& id) {
  return {reinterpret_cast<const char*>(id.id), GIT_OID_RAWSZ};
}

std::unexpected<Error> lacks(std::string_view what) {
  return fail(Code::corrupt, fmt::format("the repository lacks {}: {}", what, git_reason()),
              "A shallow or partial clone lacks objects: git fetch --unshallow, or clone it whole");
}

}  // namespace

struct GitTree::Impl {
  GitLibrary library;  // goes last
  std::filesystem::path folder;
  RepositoryPtr repository;
  // By worker, opened when needed: an object of the library is one thread's.
  struct Reader {
    RepositoryPtr repository;
    DatabasePtr objects;
  };
  std::vector<Reader> readers;

  IgnoreRules git_rules;
  IgnoreRules own_rules;

  Result<git_odb*> database(int worker) {
    Reader& reader = readers[static_cast<size_t>(worker)];
    if (reader.objects == nullptr) {
      LODE_ASSIGN(reader.repository, open_repository(folder));
      git_odb* opened = nullptr;
      if (git_repository_odb(&opened, reader.repository.get()) != 0) return lacks("its object database");
      reader.objects.reset(opened);
    }
    return reader.objects.get();
  }

  Result<std::string> blob(const git_oid& id, size_t max_bytes, int worker) {
    LODE_ASSIGN(git_odb* const odb, database(worker));
    size_t n_bytes = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&n_bytes, &type, odb, &id) != 0) return lacks(fmt::format("the file {}", hex(id)));
    if (n_bytes > max_bytes) return fail(Code::too_large, fmt::format("{} has {} bytes", hex(id), n_bytes));
    git_odb_object* found = nullptr;
    if (git_odb_read(&found, odb, &id) != 0) return lacks(fmt::format("the file {}", hex(id)));
    const RawObjectPtr object(found);
    return std::string(static_cast<const char*>(git_odb_object_data(found)), git_odb_object_size(found));
  }

  [[nodiscard]] bool ignored(const std::string& path, bool is_folder) const {
    Verdict verdict = own_rules.verdict(path, is_folder);
    if (verdict == Verdict::none) verdict = git_rules.verdict(path, is_folder);
    return verdict == Verdict::ignored;
  }

  Status add_rules(git_tree& tree, const std::string& prefix) {
    for (const auto& [name, rules] : {std::pair(kGitIgnore, &git_rules), std::pair(kOwnIgnore, &own_rules)}) {
      const git_tree_entry* const entry = git_tree_entry_byname(&tree, name.data());
      if (entry == nullptr || git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
          git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK) {
        continue;
      }
      auto text = blob(*git_tree_entry_id(entry), kMaxIgnoreBytes, 0);
      if (text) rules->add(prefix, *text);
      if (!text && text.error().code != Code::too_large) return std::unexpected(std::move(text).error());
    }
    return {};
  }

  Status walk(git_tree& tree, const std::string& prefix, int depth, GitTree& out) {
    if (depth > kMaxTreeDepth) return fail(Code::corrupt, fmt::format("folders lie deeper than {}", depth));
    const size_t n_git = git_rules.size();
    const size_t n_own = own_rules.size();
    LODE_TRY(add_rules(tree, prefix));
    for (size_t i = 0; i < git_tree_entrycount(&tree); ++i) {
      const git_tree_entry* const entry = git_tree_entry_byindex(&tree, i);
      const git_oid& id = *git_tree_entry_id(entry);
      const git_filemode_t mode = git_tree_entry_filemode(entry);
      std::string path = prefix + git_tree_entry_name(entry);
      if (ignored(path, mode == GIT_FILEMODE_TREE)) continue;
      if (mode == GIT_FILEMODE_TREE) {
        git_tree* found = nullptr;
        if (git_tree_lookup(&found, repository.get(), &id) != 0) return lacks(fmt::format("the folder {}", path));
        const TreePtr below(found);
        LODE_TRY(walk(*below, path + "/", depth + 1, out));
      } else if (mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE) {
        TreeFile file{std::move(path), {}, static_cast<uint32_t>(mode)};
        file.stamp.blob = raw(id);
        out.files_.push_back(std::move(file));
      } else {
        ++out.n_special_;
      }
    }
    git_rules.shrink(n_git);
    own_rules.shrink(n_own);
    return {};
  }
};

GitTree::GitTree() : impl_(std::make_unique<Impl>()) {}
GitTree::~GitTree() = default;

Result<std::unique_ptr<GitTree>> GitTree::open(const std::filesystem::path& folder, const std::string& revision,
                                               int n_workers) {
  std::unique_ptr<GitTree> tree(new GitTree);
  Impl& impl = *tree->impl_;
  impl.folder = folder;
  LODE_ASSIGN(impl.repository, open_repository(folder));
  impl.readers.resize(static_cast<size_t>(std::max(n_workers, 1)));
  git_object* found = nullptr;
  if (git_revparse_single(&found, impl.repository.get(), revision.c_str()) != 0) {
    return fail(Code::not_found, fmt::format("{} has no revision \"{}\": {}", folder.string(), revision, git_reason()),
                "Name a branch, a tag or a commit of it");
  }
  const ObjectPtr object(found);
  git_object* peeled = nullptr;
  if (git_object_peel(&peeled, found, GIT_OBJECT_COMMIT) != 0) {
    return fail(Code::not_found, fmt::format("\"{}\" is no commit: {}", revision, git_reason()),
                "Name a branch, a tag or a commit of it");
  }
  const ObjectPtr commit(peeled);
  tree->commit_ = hex(*git_object_id(peeled));
  git_tree* top = nullptr;
  if (git_commit_tree(&top, reinterpret_cast<git_commit*>(peeled)) != 0) return lacks("the commit's tree");
  const TreePtr holder(top);
  LODE_TRY(impl.walk(*top, "", 0, *tree));
  std::ranges::sort(tree->files_, {}, &TreeFile::path);
  return tree;
}

Result<ReadFile> GitTree::read(const TreeFile& file, size_t max_bytes, int worker) {
  git_oid id;
  if (file.stamp.blob.size() != GIT_OID_RAWSZ) return fail(Code::internal, fmt::format("{} has no id", file.path));
  git_oid_fromraw(&id, reinterpret_cast<const unsigned char*>(file.stamp.blob.data()));
  ReadFile out;
  LODE_ASSIGN(out.bytes, impl_->blob(id, max_bytes, worker));
  out.stamp = file.stamp;
  return out;
}

}  // namespace lode::search
