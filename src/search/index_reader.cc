#include "search/index_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "search/index_file.h"
#include "search/packed_text.h"
#include "search/posting_list.h"
#include "search/segment_builder.h"
#include "search/term_block.h"

namespace lode::search {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
// Of a text: more than any option lets in.
constexpr int64_t kMaxTextBytes = int64_t{1} << 30;

std::unexpected<Error> damaged_index(const Database& database, std::string_view what) {
  return fail(Code::corrupt, fmt::format("the index {} is damaged: {}", database.path(), what),
              "Build it anew: lode index --rebuild");
}

}  // namespace

struct IndexReader::Statements {
  Statement find_block;
  Statement next_blocks;
  Statement content;
  Statement text;
  Statement paths;
};

IndexReader::IndexReader(Database database) : database_(std::move(database)) {}

IndexReader::~IndexReader() = default;

Result<std::vector<RootName>> IndexReader::roots(const std::filesystem::path& index) {
  LODE_ASSIGN(const Database database, open_to_read(index));
  LODE_ASSIGN(auto each, database.prepare("SELECT folder, revision FROM roots ORDER BY id"));
  std::vector<RootName> out;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    out.push_back({std::string(each.bytes(0)), std::string(each.bytes(1))});
  }
}

Result<std::unique_ptr<IndexReader>> IndexReader::open(const std::filesystem::path& index, const RootName& root) {
  LODE_ASSIGN(Database database, open_to_read(index));
  std::unique_ptr<IndexReader> reader(new IndexReader(std::move(database)));
  // The state that the first query meets is the one that all others see.
  LODE_TRY(reader->database_.run("BEGIN"));
  LODE_TRY(reader->read_root(root));
  LODE_TRY(reader->read_segments());
  LODE_TRY(reader->prepare());
  return reader;
}

Status IndexReader::read_root(const RootName& root) {
  LODE_ASSIGN(auto find,
              database_.prepare("SELECT id, complete, contents, commit_id FROM roots WHERE folder=?1 AND revision=?2"));
  find.bind(1, root.folder).bind(2, root.revision);
  LODE_ASSIGN(const bool row, find.step());
  if (!row) {
    return fail(Code::not_found,
                fmt::format("the index {} does not hold {}{}{}", database_.path(), root.folder,
                            root.revision.empty() ? "" : " at ", root.revision),
                "Index it first: lode index, with the same folder and --index");
  }
  root_ = find.integer(0);
  complete_ = find.integer(1) != 0;
  LODE_ASSIGN(live_, unpack_contents(find.bytes(2)));
  commit_id_ = find.bytes(3);
  return {};
}

Status IndexReader::read_segments() {
  LODE_ASSIGN(auto each, database_.prepare("SELECT id, contents FROM segments ORDER BY id"));
  places_.resize(live_.size());
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) break;
    LODE_ASSIGN(const SegmentTable table, unpack_table(each.bytes(1)));
    Segment segment{.id = each.integer(0), .chunks = {}, .contents = {}};
    segment.chunks.reserve(table.lengths.size());
    segment.contents.reserve(table.contents.size());
    auto live = live_.begin();
    uint32_t chunk = 0;
    for (const SegmentTable::Content& content : table.contents) {
      live = std::lower_bound(live, live_.end(), content.id);
      const bool is_live = live != live_.end() && *live == content.id;
      segment.contents.push_back(is_live ? content.id : kNone);
      if (is_live) {
        places_[static_cast<size_t>(live - live_.begin())] = static_cast<uint32_t>(contents_.size());
        first_chunks_.push_back(n_chunks());
        contents_.push_back(content.id);
        content_bytes_.push_back(content.n_bytes);
      }
      for (uint32_t i = 0; i < content.n_chunks; ++i, ++chunk) {
        segment.chunks.push_back(is_live ? n_chunks() : kNone);
        if (!is_live) continue;
        content_of_.push_back(static_cast<uint32_t>(contents_.size() - 1));
        lengths_.push_back(table.lengths[chunk]);
        total_length_ += table.lengths[chunk];
      }
    }
    segments_.push_back(std::move(segment));
  }
  first_chunks_.push_back(n_chunks());
  if (contents_.size() != live_.size()) {
    return damaged_index(database_, fmt::format("its tree has {} contents, its segments hold {} of them", live_.size(),
                                                contents_.size()));
  }
  return {};
}

Status IndexReader::prepare() {
  LODE_ASSIGN(auto find_block,
              database_.prepare("SELECT block FROM blocks WHERE segment=?1 AND dictionary=?2 AND first<=?3 "
                                "ORDER BY first DESC LIMIT 1"));
  LODE_ASSIGN(auto next_blocks, database_.prepare("SELECT first, block FROM blocks WHERE segment=?1 AND dictionary=?2 "
                                                  "AND first>?3 ORDER BY first"));
  LODE_ASSIGN(auto content, database_.prepare("SELECT language, n_bytes, outline FROM contents WHERE id=?1"));
  LODE_ASSIGN(auto text, database_.prepare("SELECT n_bytes, text FROM contents WHERE id=?1"));
  LODE_ASSIGN(auto paths, database_.prepare("SELECT path FROM files WHERE root=?1 AND content=?2 ORDER BY path"));
  statements_ = std::make_unique<Statements>(std::move(find_block), std::move(next_blocks), std::move(content),
                                             std::move(text), std::move(paths));
  return {};
}

Result<std::string_view> IndexReader::find(const Segment& segment, std::string_view term) {
  Statement& find_block = statements_->find_block;
  find_block.reset();
  find_block.bind(1, segment.id).bind(2, static_cast<int64_t>(Dictionary::terms)).bind(3, term);
  LODE_ASSIGN(const bool row, find_block.step());
  if (!row) return std::string_view();
  BlockReader block(find_block.bytes(0));
  while (const auto entry = block.next()) {
    const int order = entry->term.compare(term);
    if (order == 0) return entry->list;
    if (order > 0) return std::string_view();
  }
  if (!block.ok()) return damaged_index(database_, "a block of terms");
  return std::string_view();
}

uint32_t IndexReader::place_of(ContentId content) const {
  const auto found = std::ranges::lower_bound(live_, content);
  LODE_CHECK(found != live_.end() && *found == content);
  return places_[static_cast<size_t>(found - live_.begin())];
}

Result<std::vector<index::Posting>> IndexReader::postings(std::string_view term) {
  std::vector<index::Posting> out;
  LODE_TRY(postings(term, out));
  return out;
}

Status IndexReader::postings(std::string_view term, std::vector<index::Posting>& out) {
  out.clear();
  for (const Segment& segment : segments_) {
    LODE_ASSIGN(const std::string_view list, find(segment, term));
    const size_t first = out.size();
    if (!read_postings(list, static_cast<uint32_t>(segment.chunks.size()), out)) {
      return damaged_index(database_, "a term's postings");
    }
    size_t kept = first;
    for (size_t i = first; i < out.size(); ++i) {
      const uint32_t chunk = segment.chunks[out[i].text];
      if (chunk != kNone) out[kept++] = {chunk, out[i].n};
    }
    out.resize(kept);
  }
  return {};
}

Result<std::vector<Definition>> IndexReader::definitions(std::string_view name) {
  std::string lower = definition_key(name);
  lower.resize(lower.find('\0') + 1);
  std::vector<Definition> out;
  for (const Segment& segment : segments_) LODE_TRY(add_definitions(segment, lower, out));
  return out;
}

// All that begin with `lower`: in the block where it would stand, and perhaps in those behind it.
Status IndexReader::add_definitions(const Segment& segment, std::string_view lower, std::vector<Definition>& out) {
  std::vector<index::Posting> postings;
  // Whether what comes behind the block may begin so too.
  const auto read = [&](std::string_view bytes) -> Result<bool> {
    BlockReader block(bytes);
    while (const auto entry = block.next()) {
      if (entry->term < lower) continue;
      if (!entry->term.starts_with(lower)) return false;
      postings.clear();
      if (!read_postings(entry->list, static_cast<uint32_t>(segment.contents.size()), postings)) {
        return damaged_index(database_, "a name's definitions");
      }
      for (const index::Posting& posting : postings) {
        const ContentId content = segment.contents[posting.text];
        if (content == kNone) continue;
        out.push_back({.content = content,
                       .name = std::string(entry->term.substr(lower.size())),
                       .kind = kind_of_code(posting.n),
                       .line = line_of_code(posting.n)});
      }
    }
    if (!block.ok()) return damaged_index(database_, "a block of names");
    return true;
  };
  const auto dictionary = static_cast<int64_t>(Dictionary::definitions);
  Statement& find_block = statements_->find_block;
  find_block.reset();
  find_block.bind(1, segment.id).bind(2, dictionary).bind(3, lower);
  LODE_ASSIGN(const bool row, find_block.step());
  if (row) {
    LODE_ASSIGN(const bool goes_on, read(find_block.bytes(0)));
    if (!goes_on) return {};
  }
  Statement& next_blocks = statements_->next_blocks;
  next_blocks.reset();
  next_blocks.bind(1, segment.id).bind(2, dictionary).bind(3, lower);
  for (;;) {
    LODE_ASSIGN(const bool more, next_blocks.step());
    if (!more || !next_blocks.bytes(0).starts_with(lower)) return {};
    LODE_ASSIGN(const bool goes_on, read(next_blocks.bytes(1)));
    if (!goes_on) return {};
  }
}

Result<Content> IndexReader::content(ContentId id) {
  Statement& find = statements_->content;
  find.bind(1, id);
  LODE_ASSIGN(const bool row, find.step());
  const int64_t language = row ? find.integer(0) : -1;
  const int64_t n_bytes = row ? find.integer(1) : -1;
  if (language < 0 || std::cmp_greater_equal(language, code::kLanguages) || n_bytes < 0 || n_bytes > kMaxTextBytes) {
    find.reset();
    return damaged_index(database_, fmt::format("content {}", id));
  }
  auto outline = unpack_outline(find.bytes(2), static_cast<uint64_t>(n_bytes));
  find.reset();
  if (!outline) return damaged_index(database_, outline.error().message);
  return Content{static_cast<code::Language>(language), static_cast<uint32_t>(n_bytes), *std::move(outline)};
}

Result<std::string> IndexReader::text(ContentId id) {
  Statement& find = statements_->text;
  find.bind(1, id);
  LODE_ASSIGN(const bool row, find.step());
  const int64_t n_bytes = row ? find.integer(0) : -1;
  if (n_bytes < 0 || n_bytes > kMaxTextBytes) {
    find.reset();
    return damaged_index(database_, fmt::format("content {}", id));
  }
  auto text = unpack(find.bytes(1), static_cast<size_t>(n_bytes));
  find.reset();
  if (!text) return damaged_index(database_, text.error().message);
  return text;
}

Result<std::vector<IndexedFile>> IndexReader::files() {
  LODE_ASSIGN(auto each, database_.prepare("SELECT path, content, skip, size, mtime_ns FROM files WHERE root=?1 "
                                           "ORDER BY path"));
  each.bind(1, root_);
  std::vector<IndexedFile> out;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    const int64_t skip = each.integer(2);
    if (skip < 0 || std::cmp_greater_equal(skip, kSkips)) return damaged_index(database_, "a file's state");
    IndexedFile file{.path = std::string(each.bytes(0)),
                     .content = std::nullopt,
                     .skip = static_cast<Skip>(skip),
                     .n_bytes = static_cast<uint64_t>(each.integer(3)),
                     .mtime_ns = each.integer(4)};
    if (!each.is_null(1)) file.content = static_cast<ContentId>(each.integer(1));
    if (file.content.has_value() && !std::ranges::binary_search(live_, *file.content)) {
      return damaged_index(database_, "a file of no content");
    }
    out.push_back(std::move(file));
  }
}

Result<std::vector<std::string>> IndexReader::first_paths() {
  LODE_ASSIGN(auto each, database_.prepare("SELECT path, content FROM files WHERE root=?1 AND content IS NOT NULL "
                                           "ORDER BY path DESC"));
  each.bind(1, root_);
  std::vector<std::string> out(contents_.size());
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    const auto content = static_cast<ContentId>(each.integer(1));
    if (!std::ranges::binary_search(live_, content)) return damaged_index(database_, "a file of no content");
    out[place_of(content)] = each.bytes(0);
  }
}

Result<std::vector<std::string>> IndexReader::paths(ContentId id) {
  Statement& each = statements_->paths;
  each.bind(1, root_).bind(2, id);
  std::vector<std::string> out;
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) break;
    out.emplace_back(each.bytes(0));
  }
  if (out.empty()) return damaged_index(database_, fmt::format("content {} is of no file", id));
  return out;
}

Result<std::vector<ContentHash>> IndexReader::content_hashes() {
  LODE_ASSIGN(auto each, database_.prepare("SELECT id, hash FROM contents"));
  std::vector<ContentHash> out(contents_.size());
  for (;;) {
    LODE_ASSIGN(const bool more, each.step());
    if (!more) return out;
    const int64_t id = each.integer(0);
    const auto live = std::ranges::lower_bound(live_, id);
    if (live == live_.end() || *live != id) continue;
    const std::string_view hash = each.bytes(1);
    ContentHash& own = out[places_[static_cast<size_t>(live - live_.begin())]];
    if (hash.size() != own.size()) return damaged_index(database_, "a content's hash");
    std::ranges::copy(hash, own.begin());
  }
}

Status IndexReader::each_term(Dictionary dictionary, const std::function<void(std::string_view)>& visit) {
  LODE_ASSIGN(auto each, database_.prepare("SELECT block FROM blocks WHERE segment=?1 AND dictionary=?2"));
  for (const Segment& segment : segments_) {
    each.bind(1, segment.id).bind(2, static_cast<int64_t>(dictionary));
    for (;;) {
      LODE_ASSIGN(const bool more, each.step());
      if (!more) break;
      BlockReader block(each.bytes(0));
      while (const auto entry = block.next()) visit(entry->term);
      if (!block.ok()) return damaged_index(database_, "a block of terms");
    }
  }
  return {};
}

}  // namespace lode::search
