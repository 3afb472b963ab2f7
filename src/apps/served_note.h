// How the commands find a server that serves an index: a note beside the index, served-PID.json, for each folder that a
// `lode serve --index` of this user follows there, taken away when it stops. An index may lie in a tree that is a
// stranger's, so a note counts only if this user alone can have written it (a file of theirs that nobody else may read
// or write, no link), it names an address of this machine, and a process that is theirs, runs and began when the note
// says. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/index_store.h"
#include "base/error.h"

namespace lode::apps {

struct ServedNote {
  std::string host;               // an address of this machine, as it stands in a URL
  uint16_t port = 0;              // plain HTTP
  std::string version;            // of Lodestone
  std::string folder;             // that is indexed
  std::string name;               // of the index at the server
  bool is_among_several = false;  // then the name stands in front of paths
  std::string vectors;            // vectors_key() of its model; "" without
};

// What vectors depend on that a command cannot see at a server: equal strings, equal answers. cache: "" for none.
std::string vectors_key(const std::filesystem::path& model_folder, const std::string& dtype,
                        const std::filesystem::path& cache);

// Of this machine, for --host; nothing where it is reached by another address only.
std::optional<std::string> local_host(const std::string& host);

// The note of this process as long as it lives.
class PublishedNote {
 public:
  // Errors: io, permission.
  static Result<PublishedNote> write(const std::filesystem::path& index, const ServedNote& note);
  PublishedNote(PublishedNote&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PublishedNote& operator=(PublishedNote&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  PublishedNote(const PublishedNote&) = delete;
  PublishedNote& operator=(const PublishedNote&) = delete;
  ~PublishedNote();

 private:
  explicit PublishedNote(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Who serves the folder of an index now, if anybody does. A folder, no revision.
std::optional<ServedNote> find_note(const IndexPlace& place);

}  // namespace lode::apps
