#include "search/folder_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mapped_file.h"
#include "search/descriptor.h"
#include "search/ignore_rules.h"
#include "search/index_file.h"

namespace lode::search {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxFolderDepth = 256;  // each level holds a descriptor while the walk is below it
constexpr size_t kMaxPathBytes = 4095;
// File systems keep times to one or two seconds at worst.
constexpr int64_t kRacyNs = 2'000'000'000;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Stamp stamp_of(const struct stat& info) {
  return {.size = static_cast<uint64_t>(info.st_size),
          .mtime_ns = nanoseconds(info.st_mtim),
          .ctime_ns = nanoseconds(info.st_ctim),
          .inode = info.st_ino,
          .blob = {}};
}

int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now);
}

std::unexpected<Error> refused(const fs::path& path, std::string_view action) {
  const int number = errno;
  const Code code = number == ENOENT || number == ENOTDIR ? Code::not_found
                    : number == EACCES || number == EPERM ? Code::permission
                                                          : Code::io;
  return fail(code, fmt::format("cannot {} {}: {}", action, path.string(), std::generic_category().message(number)),
              "Name a folder that exists and that you may read");
}

// Below `top` and through no symbolic link. Kernels before 5.6 cannot promise that of the folders on the way.
Descriptor open_below(int top, const char* path, int flags) {
  static constexpr int kAlways = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  open_how how{};
  how.flags = static_cast<uint64_t>(kAlways | flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto opened = static_cast<int>(::syscall(SYS_openat2, top, path, &how, sizeof how));
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) return Descriptor(opened);
  return Descriptor(::openat(top, path, kAlways | flags));
}

// At most max_bytes and one more.
bool read_some(int fd, size_t max_bytes, size_t expected, std::string& out) {
  out.resize(std::min(expected, max_bytes) + 1);
  size_t n_read = 0;
  for (;;) {
    const ssize_t n = ::read(fd, out.data() + n_read, out.size() - n_read);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    n_read += static_cast<size_t>(n);
    if (n == 0 || n_read > max_bytes) break;
    if (n_read == out.size()) out.resize(std::min(2 * out.size(), max_bytes + 1));
  }
  out.resize(n_read);
  return true;
}

std::string ignore_file(int folder, const char* name) {
  std::string text;
  const Descriptor file = open_below(folder, name, 0);
  struct stat info{};
  if (!file.is_open() || ::fstat(file.number(), &info) != 0 || !S_ISREG(info.st_mode)) return text;
  if (!read_some(file.number(), kMaxIgnoreBytes, static_cast<size_t>(info.st_size), text)) text.clear();
  return text;
}

// The path that a small file holds behind `prefix`, against the folder that the file lies in.
fs::path path_in_file(const fs::path& file, std::string_view prefix) {
  auto text = read_file(file, 64 * 1024);
  if (!text || !text->starts_with(prefix)) return {};
  std::string_view path = std::string_view(*text).substr(prefix.size());
  while (!path.empty() && (path.back() == '\n' || path.back() == '\r')) path.remove_suffix(1);
  return path.empty() ? fs::path() : file.parent_path() / path;
}

}  // namespace

fs::path common_git_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path git = folder / ".git";
  if (fs::is_directory(git, error)) return git;
  if (!fs::is_regular_file(git, error)) return {};
  const fs::path own = path_in_file(git, "gitdir: ");
  if (own.empty() || !fs::is_directory(own, error)) return {};
  const fs::path common = path_in_file(own / "commondir", "");
  const fs::path shared = fs::canonical(common, error);
  return common.empty() || error ? own : shared;
}

// Reads a folder and those below it, with the rules that hold there.
class FolderWalk {
 public:
  FolderWalk(FolderTree& tree, const fs::path& own_index) : tree_(tree) {
    struct stat info{};
    if (!own_index.empty() && ::stat(own_index.c_str(), &info) == 0) {
      own_device_ = info.st_dev;
      own_inode_ = info.st_ino;
    }
  }

  // The rules of the work tree that `top` lies in, from its top down to what is above `top`. Paths are matched relative
  // to the work tree's top.
  void add_rules_above(const fs::path& top) {
    fs::path root = top;
    while (common_git_folder(root).empty()) {
      if (root == root.root_path()) return;
      root = root.parent_path();
    }
    const fs::path below = top.lexically_relative(root);
    if (below == ".") return;
    add_exclude(root, "");
    fs::path folder = root;
    for (const fs::path& part : below) {
      const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
      if (opened.is_open()) add_ignore_files(opened.number(), base_);
      folder /= part;
      base_ += part.string() + "/";
    }
  }

  // `prefix`: the folder's path below the top, with a slash behind it, or "".
  void walk(Descriptor folder, const fs::path& folder_path, const std::string& prefix, int depth) {
    DIR* const opened = ::fdopendir(folder.number());
    if (opened == nullptr) {
      ++tree_.n_unreadable_;
      return;
    }
    tree_.folders_.push_back(prefix);
    const int number = folder.release();
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opened, ::closedir);
    const size_t n_git = git_rules_.size();
    const size_t n_own = own_rules_.size();
    std::vector<std::pair<std::string, unsigned char>> entries;
    bool has_git = false;
    errno = 0;
    while (const dirent* const entry = ::readdir(opened)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (name == ".git") {
        has_git = true;
        continue;
      }
      entries.emplace_back(name, entry->d_type);
      errno = 0;
    }
    if (errno != 0) ++tree_.n_unreadable_;
    if (struct stat info{}; prefix.empty() && ::fstat(number, &info) == 0 && is_own(info)) {
      std::erase_if(entries, [](const auto& entry) { return is_own_file(entry.first); });
    }
    if (has_git) add_exclude(folder_path, base_ + prefix);
    add_ignore_files(number, base_ + prefix);
    for (const auto& [name, type] : entries) enter(number, folder_path, prefix, name, type, depth);
    git_rules_.shrink(n_git);
    own_rules_.shrink(n_own);
  }

 private:
  void add_exclude(const fs::path& folder, const std::string& base) {
    const fs::path git = common_git_folder(folder);
    if (git.empty()) return;
    if (const auto text = read_file(git / "info/exclude", kMaxIgnoreBytes)) git_rules_.add(base, *text);
  }
  void add_ignore_files(int folder, const std::string& base) {
    git_rules_.add(base, ignore_file(folder, kGitIgnore.data()));
    own_rules_.add(base, ignore_file(folder, kOwnIgnore.data()));
  }
  [[nodiscard]] bool ignored(const std::string& path, bool is_folder) const {
    Verdict verdict = own_rules_.verdict(path, is_folder);
    if (verdict == Verdict::none) verdict = git_rules_.verdict(path, is_folder);
    return verdict == Verdict::ignored;
  }

  void enter(int folder, const fs::path& folder_path, const std::string& prefix, const std::string& name,
             unsigned char type, int depth) {
    std::string path = prefix + name;
    struct stat info{};
    bool has_info = false;
    if (type == DT_UNKNOWN) {
      if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return count_lost();
      has_info = true;
      type = S_ISREG(info.st_mode) ? DT_REG : S_ISDIR(info.st_mode) ? DT_DIR : DT_LNK;
    }
    const bool is_folder = type == DT_DIR;
    if (ignored(base_.empty() ? path : base_ + path, is_folder)) return;
    if (type != DT_REG && !is_folder) {
      ++tree_.n_special_;
      return;
    }
    if (path.size() > kMaxPathBytes || (is_folder && depth >= kMaxFolderDepth)) return count_lost();
    if (!is_folder) {
      if (!has_info && ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return count_lost();
      if (!S_ISREG(info.st_mode)) {
        ++tree_.n_special_;
        return;
      }
      tree_.files_.push_back({std::move(path), stamp_of(info), info.st_mode});
      return;
    }
    Descriptor below = open_below(folder, name.c_str(), O_DIRECTORY);
    if (!below.is_open() || ::fstat(below.number(), &info) != 0) return count_lost();
    if (is_own(info)) return;
    path += '/';
    walk(std::move(below), folder_path / name, path, depth + 1);
  }
  [[nodiscard]] bool is_own(const struct stat& folder) const {
    return folder.st_ino == own_inode_ && folder.st_dev == own_device_;
  }
  void count_lost() { ++tree_.n_unreadable_; }

  FolderTree& tree_;
  std::string base_;  // of the top in the work tree that it lies in, with a slash behind it, or ""
  IgnoreRules git_rules_;
  IgnoreRules own_rules_;
  dev_t own_device_ = 0;
  ino_t own_inode_ = 0;
};

Result<std::unique_ptr<FolderTree>> FolderTree::open(const fs::path& folder, const fs::path& own_index) {
  std::error_code error;
  const fs::path top = fs::canonical(folder, error);
  if (error) {
    errno = error.value();
    return refused(folder, "open");
  }
  const int opened = ::open(top.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (opened < 0) return refused(folder, "open");
  std::unique_ptr<FolderTree> tree(new FolderTree(opened));
  Descriptor again(::open(top.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!again.is_open()) return refused(folder, "read");
  FolderWalk walk(*tree, own_index);
  walk.add_rules_above(top);
  walk.walk(std::move(again), top, "", 0);
  std::ranges::sort(tree->files_, {}, &TreeFile::path);
  return tree;
}

FolderTree::~FolderTree() {
  ::close(top_);
}

Result<ReadFile> FolderTree::read(const TreeFile& file, size_t max_bytes, int /*worker*/) {
  const auto failed = [&] {
    return fail(Code::io, fmt::format("cannot read {}: {}", file.path, std::generic_category().message(errno)));
  };
  const Descriptor opened = open_below(top_, file.path.c_str(), 0);
  if (!opened.is_open()) return failed();
  struct stat before{};
  struct stat after{};
  if (::fstat(opened.number(), &before) != 0) return failed();
  if (!S_ISREG(before.st_mode)) return fail(Code::io, fmt::format("{} is no regular file any more", file.path));
  ReadFile out;
  out.stamp = stamp_of(before);
  if (out.stamp.size <= max_bytes) {
    if (!read_some(opened.number(), max_bytes, out.stamp.size, out.bytes)) return failed();
  }
  if (out.stamp.size > max_bytes || out.bytes.size() > max_bytes) {
    return fail(Code::too_large, fmt::format("{} has more than {} bytes", file.path, max_bytes));
  }
  if (::fstat(opened.number(), &after) != 0) return failed();
  out.racy = stamp_of(after) != out.stamp || out.bytes.size() != out.stamp.size ||
             std::max(out.stamp.mtime_ns, out.stamp.ctime_ns) + kRacyNs > now_ns();
  return out;
}

}  // namespace lode::search
