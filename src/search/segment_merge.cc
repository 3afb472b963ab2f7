#include "search/segment_merge.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>

#include "index/postings.h"
#include "search/index_file.h"
#include "search/posting_list.h"
#include "search/term_block.h"

namespace lode::search {
namespace {

constexpr uint32_t kDead = UINT32_MAX;

std::unexpected<Error> damaged_segment() {
  return fail(Code::corrupt, "the index is damaged: a segment's terms", "Build it anew: lode index --rebuild");
}

// What any tree holds, by id.
Result<std::vector<ContentId>> live_contents(const Database& database) {
  LODE_ASSIGN(auto each, database.prepare("SELECT contents FROM roots"));
  std::vector<ContentId> all;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return all;
    LODE_ASSIGN(const std::vector<ContentId> own, unpack_contents(each.bytes(0)));
    std::vector<ContentId> both;
    std::ranges::set_union(all, own, std::back_inserter(both));
    all = std::move(both);
  }
}

Result<SegmentTable> table_of(const Database& database, int64_t segment) {
  LODE_ASSIGN(auto find, database.prepare("SELECT contents FROM segments WHERE id=?1"));
  find.bind(1, segment);
  LODE_ASSIGN(const bool row, find.step());
  if (!row) return damaged_segment();
  return unpack_table(find.bytes(0));
}

// One dictionary of one segment, term after term.
class SegmentCursor {
 public:
  static Result<SegmentCursor> open(const Database& database, int64_t segment, Dictionary dictionary) {
    LODE_ASSIGN(auto blocks,
                database.prepare("SELECT block FROM blocks WHERE segment=?1 AND dictionary=?2 ORDER BY first"));
    blocks.bind(1, segment).bind(2, static_cast<int64_t>(dictionary));
    SegmentCursor cursor(std::move(blocks));
    LODE_TRY(cursor.advance());
    return cursor;
  }

  [[nodiscard]] bool at_end() const { return reader_ == nullptr; }
  [[nodiscard]] std::string_view term() const { return entry_.term; }
  [[nodiscard]] std::string_view list() const { return entry_.list; }

  Status advance() {
    for (;;) {
      if (reader_ != nullptr) {
        if (const auto entry = reader_->next()) {
          entry_ = *entry;
          return {};
        }
        if (!reader_->ok()) return damaged_segment();
      }
      reader_.reset();
      LODE_ASSIGN(const bool row, blocks_.step());
      if (!row) return {};
      *block_ = blocks_.bytes(0);
      reader_ = std::make_unique<BlockReader>(*block_);
    }
  }

 private:
  explicit SegmentCursor(Statement blocks) : blocks_(std::move(blocks)), block_(std::make_unique<std::string>()) {}

  Statement blocks_;
  std::unique_ptr<std::string> block_;  // a copy: the tables change while this reads, and the cursor moves
  std::unique_ptr<BlockReader> reader_;
  BlockReader::Entry entry_;
};

// Old numbers to new ones.
struct Renumbering {
  std::vector<uint32_t> chunks;    // kDead: no tree holds it
  std::vector<uint32_t> contents;  // places
};

// Merges one dictionary of the segments. numbers[i]: what the texts of segments[i] are called now.
Status merge_dictionary(const Database& database, const std::vector<int64_t>& segments, Dictionary dictionary,
                        const std::vector<const std::vector<uint32_t>*>& numbers, int64_t merged) {
  LODE_ASSIGN(auto add, database.prepare("INSERT INTO blocks VALUES(?1,?2,?3,?4)"));
  Status stored;
  BlockWriter blocks([&](std::string_view first, std::string_view block) {
    add.bind(1, merged).bind(2, static_cast<int64_t>(dictionary)).bind(3, first).bind(4, block);
    if (stored) stored = add.run();
  });
  std::vector<SegmentCursor> cursors;
  for (const int64_t segment : segments) {
    LODE_ASSIGN(SegmentCursor cursor, SegmentCursor::open(database, segment, dictionary));
    cursors.push_back(std::move(cursor));
  }
  const auto later = [&](size_t a, size_t b) { return cursors[a].term() > cursors[b].term(); };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> order(later);
  for (size_t i = 0; i < cursors.size(); ++i) {
    if (!cursors[i].at_end()) order.push(i);
  }
  std::string term;
  std::string list;
  std::vector<index::Posting> old;
  std::vector<index::Posting> postings;
  while (!order.empty() && stored) {
    term = cursors[order.top()].term();
    postings.clear();
    while (!order.empty() && cursors[order.top()].term() == term) {
      const size_t i = order.top();
      order.pop();
      old.clear();
      if (!read_postings(cursors[i].list(), static_cast<uint32_t>(numbers[i]->size()), old)) return damaged_segment();
      for (const index::Posting& posting : old) {
        const uint32_t text = (*numbers[i])[posting.text];
        if (text != kDead) postings.push_back({text, posting.n});
      }
      LODE_TRY(cursors[i].advance());
      if (!cursors[i].at_end()) {
        if (cursors[i].term() <= term) return damaged_segment();
        order.push(i);
      }
    }
    if (postings.empty()) continue;
    std::ranges::stable_sort(postings, {}, &index::Posting::text);
    list.clear();
    index::TextId previous = 0;
    for (const index::Posting& posting : postings) {
      put_posting(list, previous, posting);
      previous = posting.text;
    }
    blocks.add(term, list);
  }
  blocks.finish();
  return stored;
}

}  // namespace

Result<std::vector<int64_t>> segments_to_merge(const Database& database) {
  struct Size {
    int64_t segment;
    size_t n_chunks;
    size_t n_dead;
    size_t n_dead_contents;
  };
  LODE_ASSIGN(const std::vector<ContentId> live, live_contents(database));
  LODE_ASSIGN(auto each, database.prepare("SELECT id, contents FROM segments"));
  std::vector<Size> sizes;
  size_t n_chunks = 0;
  size_t n_dead = 0;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) break;
    LODE_ASSIGN(const SegmentTable table, unpack_table(each.bytes(1)));
    Size size{.segment = each.integer(0), .n_chunks = table.lengths.size(), .n_dead = 0, .n_dead_contents = 0};
    for (const SegmentTable::Content& content : table.contents) {
      if (std::ranges::binary_search(live, content.id)) continue;
      size.n_dead += content.n_chunks;
      ++size.n_dead_contents;
    }
    n_chunks += size.n_chunks;
    n_dead += size.n_dead;
    sizes.push_back(size);
  }
  std::vector<int64_t> chosen;
  if (n_dead * 3 > n_chunks) {
    for (const Size& size : sizes) {
      if (size.n_dead_contents > 0) chosen.push_back(size.segment);
    }
  }
  if (sizes.size() > kMaxSegments) {
    std::ranges::sort(sizes, {}, &Size::n_chunks);
    size_t n_taken = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      // At least so many that one place is free afterwards, and on as long as that at most doubles what is rewritten.
      if (i > sizes.size() - kMaxSegments && sizes[i].n_chunks > n_taken) break;
      n_taken += sizes[i].n_chunks;
      chosen.push_back(sizes[i].segment);
    }
  }
  std::ranges::sort(chosen);
  const auto repeated = std::ranges::unique(chosen);
  chosen.erase(repeated.begin(), repeated.end());
  return chosen;
}

Status merge_segments(const Database& database, const std::vector<int64_t>& segments, int64_t merged) {
  LODE_ASSIGN(const std::vector<ContentId> live, live_contents(database));
  LODE_ASSIGN(auto remove_content, database.prepare("DELETE FROM contents WHERE id=?1"));
  struct Source {
    SegmentTable::Content content;
    size_t segment;
    uint32_t place;
    uint32_t first_chunk;
  };
  std::vector<SegmentTable> tables;
  std::vector<Source> sources;
  std::vector<Renumbering> renumberings;
  for (size_t i = 0; i < segments.size(); ++i) {
    LODE_ASSIGN(SegmentTable table, table_of(database, segments[i]));
    Renumbering& own = renumberings.emplace_back();
    own.chunks.assign(table.lengths.size(), kDead);
    own.contents.assign(table.contents.size(), kDead);
    uint32_t first_chunk = 0;
    for (uint32_t place = 0; place < table.contents.size(); ++place) {
      const SegmentTable::Content& content = table.contents[place];
      if (std::ranges::binary_search(live, content.id)) {
        sources.push_back({content, i, place, first_chunk});
      } else {
        LODE_TRY(remove_content.bind(1, content.id).run());
      }
      first_chunk += content.n_chunks;
    }
    tables.push_back(std::move(table));
  }
  std::ranges::sort(sources, {}, [](const Source& source) { return source.content.id; });
  SegmentTable table;
  for (const Source& source : sources) {
    Renumbering& own = renumberings[source.segment];
    if (!table.contents.empty() && table.contents.back().id == source.content.id) return damaged_segment();
    own.contents[source.place] = static_cast<uint32_t>(table.contents.size());
    table.contents.push_back(source.content);
    for (uint32_t chunk = source.first_chunk; chunk < source.first_chunk + source.content.n_chunks; ++chunk) {
      own.chunks[chunk] = static_cast<uint32_t>(table.lengths.size());
      table.lengths.push_back(tables[source.segment].lengths[chunk]);
    }
  }
  std::vector<const std::vector<uint32_t>*> chunks;
  std::vector<const std::vector<uint32_t>*> contents;
  for (const Renumbering& own : renumberings) {
    chunks.push_back(&own.chunks);
    contents.push_back(&own.contents);
  }
  if (!table.contents.empty()) {
    LODE_TRY(merge_dictionary(database, segments, Dictionary::terms, chunks, merged));
    LODE_TRY(merge_dictionary(database, segments, Dictionary::definitions, contents, merged));
    LODE_ASSIGN(auto add, database.prepare("INSERT INTO segments VALUES(?1,?2)"));
    const std::string packed = pack_table(table);
    LODE_TRY(add.bind(1, merged).bind(2, packed).run());
  }
  LODE_ASSIGN(auto remove_blocks, database.prepare("DELETE FROM blocks WHERE segment=?1"));
  LODE_ASSIGN(auto remove_segment, database.prepare("DELETE FROM segments WHERE id=?1"));
  for (const int64_t segment : segments) {
    LODE_TRY(remove_blocks.bind(1, segment).run());
    LODE_TRY(remove_segment.bind(1, segment).run());
  }
  return {};
}

}  // namespace lode::search
