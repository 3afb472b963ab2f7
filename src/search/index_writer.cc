#include "search/index_writer.h"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "search/index_file.h"
#include "search/segment_merge.h"

namespace lode::search {

struct IndexWriter::Statements {
  Statement find_content;
  Statement add_content;
  Statement add_segment;
  Statement add_block;
  Statement put_file;
  Statement remove_file;
};

IndexWriter::IndexWriter(WriterLock lock, Database database) : lock_(std::move(lock)), database_(std::move(database)) {}

IndexWriter::~IndexWriter() {
  roll_back();
  statements_.reset();
}

Result<std::unique_ptr<IndexWriter>> IndexWriter::open(const std::filesystem::path& index,
                                                       const WriterOptions& options) {
  LODE_ASSIGN(WriterLock lock, WriterLock::take(index, options.patience));
  if (options.rebuild) LODE_TRY(remove_index_file(index));
  LODE_ASSIGN(Database database, open_to_write(index));
  std::unique_ptr<IndexWriter> writer(new IndexWriter(std::move(lock), std::move(database)));
  LODE_TRY(writer->prepare());
  return writer;
}

Status IndexWriter::prepare() {
  LODE_ASSIGN(auto find_content, database_.prepare("SELECT id FROM contents WHERE hash=?1 AND language=?2"));
  LODE_ASSIGN(auto add_content, database_.prepare("INSERT INTO contents VALUES(?1,?2,?3,?4,?5,?6)"));
  LODE_ASSIGN(auto add_segment, database_.prepare("INSERT INTO segments VALUES(?1,?2)"));
  LODE_ASSIGN(auto add_block, database_.prepare("INSERT INTO blocks VALUES(?1,?2,?3,?4)"));
  LODE_ASSIGN(auto put_file, database_.prepare("INSERT OR REPLACE INTO files VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"));
  LODE_ASSIGN(auto remove_file, database_.prepare("DELETE FROM files WHERE root=?1 AND path=?2"));
  statements_ = std::make_unique<Statements>(std::move(find_content), std::move(add_content), std::move(add_segment),
                                             std::move(add_block), std::move(put_file), std::move(remove_file));
  return {};
}

Status IndexWriter::begin() {
  LODE_TRY(database_.run("BEGIN IMMEDIATE"));
  in_transaction_ = true;
  const auto number = [&](const char* column) -> Result<uint32_t> {
    LODE_ASSIGN(const int64_t next, database_.integer(fmt::format("SELECT {} FROM state", column)));
    if (next < 1 || next >= std::numeric_limits<uint32_t>::max()) {
      return fail(Code::corrupt, fmt::format("the index {}: {} is {}", database_.path(), column, next),
                  "Build it anew: lode index --rebuild");
    }
    return static_cast<uint32_t>(next);
  };
  LODE_ASSIGN(next_content_, number("next_content"));
  LODE_ASSIGN(next_segment_, number("next_segment"));
  return {};
}

Status IndexWriter::commit() {
  LODE_TRY(database_.run(
      fmt::format("UPDATE state SET next_content={}, next_segment={}; COMMIT", next_content_, next_segment_)));
  in_transaction_ = false;
  return {};
}

void IndexWriter::roll_back() {
  // SQLite takes back by itself what met a full disk; then there is nothing to roll back, which is no error here.
  if (in_transaction_) static_cast<void>(database_.run("ROLLBACK"));
  in_transaction_ = false;
}

Result<RootId> IndexWriter::root(const RootName& name) {
  LODE_ASSIGN(auto add, database_.prepare("INSERT INTO roots(folder, revision, commit_id, complete, contents) "
                                          "VALUES(?1,?2,?3,0,?4) ON CONFLICT(folder, revision) DO NOTHING"));
  const std::string nothing = pack_contents({});
  add.bind(1, name.folder).bind(2, name.revision).bind(3, std::string_view()).bind(4, nothing);
  LODE_TRY(add.run());
  LODE_ASSIGN(auto find, database_.prepare("SELECT id FROM roots WHERE folder=?1 AND revision=?2"));
  find.bind(1, name.folder).bind(2, name.revision);
  LODE_ASSIGN(const bool row, find.step());
  LODE_CHECK(row);  // just put there
  return find.integer(0);
}

Result<bool> IndexWriter::is_sealed(RootId root, std::string_view commit_id) {
  LODE_ASSIGN(auto find, database_.prepare("SELECT complete FROM roots WHERE id=?1 AND commit_id=?2"));
  find.bind(1, root).bind(2, commit_id);
  LODE_ASSIGN(const bool row, find.step());
  return row && find.integer(0) != 0;
}

Result<std::optional<ContentId>> IndexWriter::find_content(const ContentHash& hash, code::Language language) {
  Statement& find = statements_->find_content;
  find.bind(1, bytes_of(hash)).bind(2, static_cast<int64_t>(language));
  LODE_ASSIGN(const bool row, find.step());
  const std::optional<ContentId> found = row ? std::optional(static_cast<ContentId>(find.integer(0))) : std::nullopt;
  find.reset();
  return found;
}

Result<ContentId> IndexWriter::add_content(const ContentHash& hash, code::Language language, size_t n_bytes,
                                           std::string_view outline, std::string_view packed_text) {
  Statement& add = statements_->add_content;
  add.bind(1, next_content_).bind(2, bytes_of(hash)).bind(3, static_cast<int64_t>(language));
  add.bind(4, static_cast<int64_t>(n_bytes)).bind(5, outline).bind(6, packed_text);
  LODE_TRY(add.run());
  return next_content_++;
}

Status IndexWriter::add_segment(SegmentBuilder& builder, const std::vector<ContentId>& ids, ThreadPool& pool) {
  if (ids.empty()) return {};
  const uint32_t segment = next_segment_++;
  Statement& add_block = statements_->add_block;
  LODE_ASSIGN(const SegmentTable table,
              builder.finish(ids, pool, [&](Dictionary dictionary, std::string_view first, std::string_view block) {
                add_block.bind(1, segment).bind(2, static_cast<int64_t>(dictionary)).bind(3, first).bind(4, block);
                return add_block.run();
              }));
  const std::string packed = pack_table(table);
  statements_->add_segment.bind(1, segment).bind(2, packed);
  return statements_->add_segment.run();
}

Status IndexWriter::put_file(RootId root, std::string_view path, const FileRow& row) {
  Statement& put = statements_->put_file;
  put.bind(1, root).bind(2, path);
  row.content ? put.bind(3, int64_t{*row.content}) : put.bind_null(3);
  put.bind(4, static_cast<int64_t>(row.skip)).bind(5, static_cast<int64_t>(row.racy));
  put.bind(6, static_cast<int64_t>(row.stamp.size)).bind(7, row.stamp.mtime_ns).bind(8, row.stamp.ctime_ns);
  put.bind(9, static_cast<int64_t>(row.stamp.inode)).bind(10, row.stamp.blob);
  return put.run();
}

Status IndexWriter::remove_file(RootId root, std::string_view path) {
  statements_->remove_file.bind(1, root).bind(2, path);
  return statements_->remove_file.run();
}

Result<std::unordered_map<std::string, FileRow>> IndexWriter::files(RootId root) {
  LODE_ASSIGN(auto each, database_.prepare("SELECT path, content, skip, racy, size, mtime_ns, ctime_ns, inode, blob "
                                           "FROM files WHERE root=?1"));
  each.bind(1, root);
  std::unordered_map<std::string, FileRow> out;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    FileRow row;
    if (!each.is_null(1)) row.content = static_cast<ContentId>(each.integer(1));
    row.skip = static_cast<Skip>(each.integer(2));
    row.racy = each.integer(3) != 0;
    row.stamp = {.size = static_cast<uint64_t>(each.integer(4)),
                 .mtime_ns = each.integer(5),
                 .ctime_ns = each.integer(6),
                 .inode = static_cast<uint64_t>(each.integer(7)),
                 .blob = std::string(each.bytes(8))};
    out.emplace(each.bytes(0), std::move(row));
  }
}

Status IndexWriter::seal_root(RootId root, bool complete, std::string_view commit_id) {
  LODE_ASSIGN(auto each, database_.prepare("SELECT DISTINCT content FROM files WHERE root=?1 AND content IS NOT NULL "
                                           "ORDER BY content"));
  each.bind(1, root);
  std::vector<ContentId> contents;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) break;
    contents.push_back(static_cast<ContentId>(each.integer(0)));
  }
  LODE_ASSIGN(auto update, database_.prepare("UPDATE roots SET contents=?2, complete=?3, commit_id=?4 WHERE id=?1"));
  const std::string packed = pack_contents(contents);
  update.bind(1, root).bind(2, packed).bind(3, static_cast<int64_t>(complete)).bind(4, commit_id);
  return update.run();
}

Result<bool> IndexWriter::remove_lost_roots() {
  LODE_ASSIGN(auto each, database_.prepare("SELECT id, folder FROM roots"));
  std::vector<RootId> lost;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) break;
    std::error_code error;
    const auto status = std::filesystem::status(std::filesystem::path(each.bytes(1)), error);
    if (status.type() == std::filesystem::file_type::not_found) lost.push_back(each.integer(0));
  }
  LODE_ASSIGN(auto remove_files, database_.prepare("DELETE FROM files WHERE root=?1"));
  LODE_ASSIGN(auto remove_root, database_.prepare("DELETE FROM roots WHERE id=?1"));
  for (const RootId root : lost) {
    LODE_TRY(remove_files.bind(1, root).run());
    LODE_TRY(remove_root.bind(1, root).run());
  }
  return !lost.empty();
}

Result<IndexWriter::Totals> IndexWriter::totals(RootId root) {
  LODE_ASSIGN(auto find, database_.prepare("SELECT contents FROM roots WHERE id=?1"));
  find.bind(1, root);
  LODE_ASSIGN(const bool row, find.step());
  LODE_ASSIGN(const std::vector<ContentId> live, unpack_contents(row ? find.bytes(0) : std::string_view()));
  LODE_ASSIGN(auto each, database_.prepare("SELECT contents FROM segments"));
  Totals out;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    LODE_ASSIGN(const SegmentTable table, unpack_table(each.bytes(0)));
    for (const SegmentTable::Content& content : table.contents) {
      if (!std::ranges::binary_search(live, content.id)) continue;
      out.n_chunks += content.n_chunks;
      out.n_symbols += content.n_symbols;
    }
  }
}

Result<bool> IndexWriter::merge_segments() {
  LODE_ASSIGN(const std::vector<int64_t> chosen, segments_to_merge(database_));
  if (chosen.empty()) return false;
  LODE_TRY(lode::search::merge_segments(database_, chosen, next_segment_++));
  return true;
}

}  // namespace lode::search
