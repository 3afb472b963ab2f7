// One tree of an index, as it was committed last when this was opened: a search sees one state while somebody writes.
// Chunks are numbered from 0 without gaps, live ones only, so that counts and averages are those of an index built
// afresh; the numbers hold for this reader alone. A term's postings are read when asked for: opening costs the tables
// of lengths and no more. Damage is an error (corrupt), wherever it is met. One thread at a time; several readers of
// one index do not know of each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "code/language.h"
#include "code/outline.h"
#include "index/postings.h"
#include "search/content_hash.h"
#include "search/database.h"
#include "search/file_check.h"
#include "search/index_writer.h"
#include "search/outline_blob.h"
#include "search/segment_table.h"

namespace lode::search {

struct IndexedFile {
  std::string path;
  std::optional<ContentId> content;  // empty: left out
  Skip skip = Skip::none;
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;  // 0 in a commit
};

struct Content {
  code::Language language{};
  uint32_t n_bytes = 0;
  Outline outline;
};

struct Definition {
  ContentId content;
  std::string name;  // as it is written
  code::SymbolKind kind;
  uint32_t line;  // of the name, from 1
};

class IndexReader {
 public:
  // Errors: not_found for a missing index, or one without that tree; corrupt, unsupported, permission, io.
  static Result<std::unique_ptr<IndexReader>> open(const std::filesystem::path& index, const RootName& root);
  ~IndexReader();
  // The trees that an index holds.
  static Result<std::vector<RootName>> roots(const std::filesystem::path& index);

  // False: the tree's first indexing was broken off, or is under way.
  [[nodiscard]] bool is_complete() const { return complete_; }
  [[nodiscard]] const std::string& commit_id() const { return commit_id_; }  // "" of a folder

  [[nodiscard]] uint32_t n_chunks() const { return static_cast<uint32_t>(lengths_.size()); }
  // In terms, by chunk.
  [[nodiscard]] std::span<const uint32_t> lengths() const { return lengths_; }
  [[nodiscard]] uint64_t total_length() const { return total_length_; }
  // Each once; and where each one's chunks begin, with the end of the last, and how long it is.
  [[nodiscard]] std::span<const ContentId> contents() const { return contents_; }
  [[nodiscard]] std::span<const uint32_t> first_chunks() const { return first_chunks_; }
  [[nodiscard]] std::span<const uint32_t> content_bytes() const { return content_bytes_; }
  // The place in contents() of a content; of one of the tree's.
  [[nodiscard]] uint32_t place_of(ContentId content) const;
  // And of what a chunk is of.
  [[nodiscard]] uint32_t content_of(index::TextId chunk) const { return content_of_[chunk]; }

  // By chunk; empty for an unknown term. Its length is the document frequency. The second writes over what `out` holds.
  Result<std::vector<index::Posting>> postings(std::string_view term);
  Status postings(std::string_view term, std::vector<index::Posting>& out);
  // What each content's bytes hash to, by place in contents().
  Result<std::vector<ContentHash>> content_hashes();
  // Symbols of that name in any letter case (of ASCII).
  Result<std::vector<Definition>> definitions(std::string_view name);
  Result<Content> content(ContentId id);
  // Valid UTF-8.
  Result<std::string> text(ContentId id);
  // By path; those that are left out too.
  Result<std::vector<IndexedFile>> files();
  // The first path of each content, by place in contents().
  Result<std::vector<std::string>> first_paths();
  // Which files hold a content: at least one, if it is one of contents().
  Result<std::vector<std::string>> paths(ContentId id);
  // Every term of a dictionary once a segment, live or not, in no order.
  Status each_term(Dictionary dictionary, const std::function<void(std::string_view)>& visit);

 private:
  struct Segment {
    int64_t id;
    std::vector<uint32_t> chunks;     // number of each of its chunks here; kNone: not of this tree
    std::vector<ContentId> contents;  // kNone: not of this tree
  };
  struct Statements;
  explicit IndexReader(Database database);
  Status read_root(const RootName& root);
  Status read_segments();
  Status prepare();
  // The list of a term in a segment, which stays until the next call.
  Result<std::string_view> find(const Segment& segment, std::string_view term);
  Status add_definitions(const Segment& segment, std::string_view lower, std::vector<Definition>& out);

  Database database_;
  std::unique_ptr<Statements> statements_;
  RootId root_ = 0;
  bool complete_ = false;
  std::string commit_id_;
  std::vector<ContentId> live_;   // of the tree, by id
  std::vector<uint32_t> places_;  // in contents_, of each of live_
  std::vector<Segment> segments_;
  std::vector<uint32_t> lengths_;
  std::vector<uint32_t> content_of_;
  std::vector<ContentId> contents_;
  std::vector<uint32_t> first_chunks_;
  std::vector<uint32_t> content_bytes_;
  uint64_t total_length_ = 0;
};

}  // namespace lode::search
