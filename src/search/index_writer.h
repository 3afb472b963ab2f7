// The one who changes an index: trees, their files, contents and segments, in transactions. What was not committed
// never was, whatever ends the process. Holds the writer's lock as long as it lives. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "code/language.h"
#include "search/content_hash.h"
#include "search/database.h"
#include "search/file_check.h"
#include "search/segment_builder.h"
#include "search/segment_table.h"
#include "search/tree.h"
#include "search/writer_lock.h"

namespace lode::search {

struct WriterOptions {
  std::chrono::milliseconds patience{5000};  // for another writer
  bool rebuild = false;                      // what is there goes first, whatever it is
};

// A tree that the index holds: a folder as it is (no revision), or a revision of the repository there.
struct RootName {
  std::string folder;    // canonical
  std::string revision;  // "", or a branch, tag or commit
};

using RootId = int64_t;

// What is known of a file of a tree. A file that is left out has no content.
struct FileRow {
  std::optional<ContentId> content;
  Skip skip = Skip::none;
  bool racy = false;  // read it again, whatever its stamp says
  Stamp stamp;
};

class IndexWriter {
 public:
  // Errors: as WriterLock and index_file.h.
  static Result<std::unique_ptr<IndexWriter>> open(const std::filesystem::path& index, const WriterOptions& options);
  ~IndexWriter();  // what was not committed is taken back

  Status begin();
  Status commit();
  void roll_back();

  // Within a transaction:
  Result<RootId> root(const RootName& name);  // made where it is new
  Result<ContentId> add_content(const ContentHash& hash, code::Language language, size_t n_bytes,
                                std::string_view outline, std::string_view packed_text);
  // ids: of contents just added, in the order of the builder's places.
  Status add_segment(SegmentBuilder& builder, const std::vector<ContentId>& ids, ThreadPool& pool);
  Status put_file(RootId root, std::string_view path, const FileRow& row);
  Status remove_file(RootId root, std::string_view path);
  // After files changed: which contents the tree holds now. complete: all files of the tree are in.
  Status seal_root(RootId root, bool complete, std::string_view commit_id);
  // Trees whose folders are gone: deleted work trees, mostly. Their contents are dead then. Whether there were any.
  Result<bool> remove_lost_roots();
  // Merges segments where there are too many or too much in them is dead; contents that no tree holds go then.
  Result<bool> merge_segments();

  // At any time:
  Result<std::unordered_map<std::string, FileRow>> files(RootId root);
  Result<std::optional<ContentId>> find_content(const ContentHash& hash, code::Language language);
  struct Totals {
    size_t n_chunks = 0;
    size_t n_symbols = 0;
  };
  // Of the contents that a tree holds.
  Result<Totals> totals(RootId root);
  // Whether the root is there, complete and of that commit.
  Result<bool> is_sealed(RootId root, std::string_view commit_id);

 private:
  struct Statements;
  IndexWriter(WriterLock lock, Database database);
  Status prepare();
  Status take_number(const char* column, uint32_t& number);

  WriterLock lock_;
  Database database_;
  std::unique_ptr<Statements> statements_;
  bool in_transaction_ = false;
  uint32_t next_content_ = 0;
  uint32_t next_segment_ = 0;
};

}  // namespace lode::search
