#include "apps/served_note.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "apps/json_text.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "search/descriptor.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using search::Descriptor;

constexpr size_t kMostBytes = 64 * 1024;

// When a process began, and since which start of the machine; "" for one that is not there or another user's.
std::string beginning_of(int64_t pid) {
  const fs::path folder = fmt::format("/proc/{}", pid);
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || status.st_uid != ::geteuid()) return {};
  const auto boot = read_file("/proc/sys/kernel/random/boot_id", kMostBytes);
  const auto text = read_file(folder / "stat", kMostBytes);
  if (!boot || !text) return {};
  // "pid (name) state ...": a name may hold anything. The 22nd field is the time of the start.
  std::string_view rest = std::string_view(*text).substr(text->rfind(')') + 1);  // npos + 1 is 0
  constexpr int kFieldsBetween = 19;
  for (int i = 0; i <= kFieldsBetween; ++i) {
    const size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return {};
    rest.remove_prefix(begin);
    const std::string_view field = rest.substr(0, rest.find(' '));
    if (i == kFieldsBetween) return fmt::format("{} {}", boot->substr(0, boot->find('\n')), field);
    rest.remove_prefix(field.size());
  }
  return {};
}

// What a file holds that only this user can have written.
std::optional<std::string> read_own(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0) return {};
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return {};
  if (std::cmp_greater(status.st_size, kMostBytes)) return {};
  std::string out(static_cast<size_t>(status.st_size), '\0');
  const ssize_t n = ::read(file.number(), out.data(), out.size());
  if (n < 0) return {};
  out.resize(static_cast<size_t>(n));
  return out;
}

std::optional<ServedNote> read_note(const fs::path& path) {
  const auto bytes = read_own(path);
  if (!bytes) return {};
  const auto document = json::Document::parse(*bytes, path.string());
  if (!document) return {};
  const json::Value root = document->root();
  const auto text = [&root](const char* key) {
    const auto value = root.get(key);
    return std::string(value ? value->as_string().value_or("") : "");
  };
  const auto number = [&root](const char* key) {
    const auto value = root.get(key);
    return value ? value->as_int().value_or(0) : 0;
  };
  const auto several = root.get("several");
  ServedNote out{.host = text("host"),
                 .port = static_cast<uint16_t>(number("port")),
                 .version = text("version"),
                 .folder = text("folder"),
                 .name = text("name"),
                 .is_among_several = several && several->as_bool().value_or(false),
                 .vectors = text("vectors")};
  const auto host = local_host(out.host);
  if (!host || out.port != number("port") || out.port == 0) return {};
  out.host = *host;
  const std::string begun = text("begun");
  if (begun.empty() || begun != beginning_of(number("pid"))) return {};
  return out;
}

bool is_note(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("served-") && name.ends_with(".json");
}

std::vector<fs::path> notes_in(const fs::path& index) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(index, error), end; !error && it != end; it.increment(error)) {
    if (is_note(it->path())) out.push_back(it->path());
  }
  return out;
}

std::unexpected<Error> note_failed(const fs::path& path, int number) {
  return fail(number == EACCES || number == EPERM || number == EROFS ? Code::permission : Code::io,
              fmt::format("cannot write {}: {}", path.string(), std::generic_category().message(number)));
}

}  // namespace

std::string vectors_key(const fs::path& model_folder, const std::string& dtype, const fs::path& cache) {
  std::error_code error;
  return fmt::format("{}\n{}\n{}", fs::weakly_canonical(model_folder, error).string(), dtype,
                     cache.empty() ? "" : fs::weakly_canonical(cache, error).string());
}

std::optional<std::string> local_host(const std::string& host) {
  if (host == "0.0.0.0" || host == "localhost" || host == "127.0.0.1") return "127.0.0.1";
  if (host == "::" || host == "::1" || host == "[::1]") return "[::1]";
  return std::nullopt;
}

Result<PublishedNote> PublishedNote::write(const fs::path& index, const ServedNote& note) {
  std::error_code error;
  fs::create_directories(index, error);
  for (const fs::path& path : notes_in(index)) {
    if (!read_note(path)) fs::remove(path, error);  // of a server that was killed
  }
  // One index may hold several folders of one server.
  static std::atomic<int> n_written = 0;
  const fs::path path = index / fmt::format("served-{}-{}.json", ::getpid(), n_written++);
  const std::string text = json_text({{"pid", ::getpid()},
                                      {"begun", beginning_of(::getpid())},
                                      {"host", note.host},
                                      {"port", note.port},
                                      {"version", note.version},
                                      {"folder", note.folder},
                                      {"name", note.name},
                                      {"several", note.is_among_several},
                                      {"vectors", note.vectors}});
  fs::path part = path;
  part += ".part";
  ::unlink(part.c_str());
  const Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return note_failed(path, errno);
  if (::write(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(part.c_str(), path.c_str()) != 0) {
    const int number = errno;
    ::unlink(part.c_str());
    return note_failed(path, number);
  }
  return PublishedNote(path);
}

PublishedNote::~PublishedNote() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::optional<ServedNote> find_note(const IndexPlace& place) {
  if (!place.root.revision.empty()) return std::nullopt;
  for (const fs::path& path : notes_in(place.index)) {
    auto note = read_note(path);
    if (note && note->folder == place.root.folder) return note;
  }
  return std::nullopt;
}

}  // namespace lode::apps
