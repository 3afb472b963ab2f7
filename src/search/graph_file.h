// The file of a graph over the rows of a vector file: a header that says which rows it is of, then the graph as usearch
// writes it. What is read was written by anybody: it is used only if its check value is right, and followed into
// memory only if every number in it leads to somewhere in it (is_sound), so that no bytes whatever make a search leave
// the file. Written beside and renamed: it is there whole or not at all. Readers: any thread. A writer: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "search/descriptor.h"

struct XXH3_state_s;

namespace lode::search {

// What a graph is of; VectorFile's numbers.
struct GraphStamp {
  uint64_t n_dims = 0;
  uint64_t identity = 0;    // the model's, as 64 bits
  uint64_t n_rows = 0;      // the file's first ones
  uint64_t rows_check = 0;  // VectorFile::check_of_rows(n_rows)
  friend bool operator==(const GraphStamp&, const GraphStamp&) = default;
};

class GraphFile {
 public:
  // Empty where there is none, or one that is damaged, half written or of another format. Costs one pass over it.
  static std::optional<GraphFile> open(const std::filesystem::path& path);

  [[nodiscard]] const GraphStamp& stamp() const { return stamp_; }
  [[nodiscard]] std::string_view graph() const;  // as usearch wrote it

 private:
  GraphFile() = default;
  MappedFile file_;
  GraphStamp stamp_;
};

// Whether a graph of usearch's format is one of n_rows nodes that a search can follow: levels, lists and their lengths
// within their bounds, every neighbour a node that has the level, every key below n_rows.
bool is_sound(std::string_view graph, size_t n_rows);

class GraphFileWriter {
 public:
  // Begins the file PATH.new in place of any that was left there. Errors: io, permission.
  static Result<GraphFileWriter> open(const std::filesystem::path& path);
  GraphFileWriter(GraphFileWriter&&) noexcept;
  ~GraphFileWriter();  // what is not finished goes

  Status append(std::string_view bytes);
  // Makes it the file of that path.
  Status finish(const GraphStamp& stamp);

 private:
  struct State {
    void operator()(XXH3_state_s* state) const;
  };
  explicit GraphFileWriter(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] std::filesystem::path beside() const;
  Status flush();

  std::filesystem::path path_;
  Descriptor file_;
  std::unique_ptr<XXH3_state_s, State> check_;
  std::string waiting_;
  uint64_t end_ = 0;  // of what is written
};

}  // namespace lode::search
