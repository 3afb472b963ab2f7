#include "search/segment_table.h"

#include "search/blob.h"

namespace lode::search {
namespace {

constexpr size_t kMinContentBytes = 4;  // that an entry takes

std::unexpected<Error> damaged_table(std::string_view what) {
  return fail(Code::corrupt, "the index is damaged: " + std::string(what), "Build it anew: lode index --rebuild");
}

}  // namespace

std::string pack_table(const SegmentTable& table) {
  std::string out;
  put_varint(out, table.contents.size());
  ContentId previous = 0;
  for (const SegmentTable::Content& content : table.contents) {
    put_varint(out, content.id - previous);
    put_varint(out, content.n_chunks);
    put_varint(out, content.n_symbols);
    put_varint(out, content.n_bytes);
    previous = content.id;
  }
  for (const uint32_t length : table.lengths) put_varint(out, length);
  return sealed(out);
}

Result<SegmentTable> unpack_table(std::string_view packed) {
  const auto bytes = unsealed(packed);
  if (!bytes) return damaged_table("a segment's table does not match its check value");
  BlobReader reader(*bytes);
  SegmentTable table;
  const uint64_t n_contents = reader.varint(bytes->size() / kMinContentBytes);
  table.contents.reserve(n_contents);
  uint64_t id = 0;
  uint64_t n_chunks = 0;
  bool fits = true;
  for (uint64_t i = 0; i < n_contents && reader.ok(); ++i) {
    const uint32_t step = reader.number();
    fits = fits && (step > 0 || i == 0);
    id += step;
    const uint32_t n = reader.number();
    n_chunks += n;
    const uint32_t n_symbols = reader.number();
    table.contents.push_back({static_cast<ContentId>(id), n, n_symbols, reader.number()});
  }
  if (!fits || id > UINT32_MAX || n_chunks > reader.n_left()) return damaged_table("a segment's contents");
  table.lengths.reserve(n_chunks);
  for (uint64_t i = 0; i < n_chunks; ++i) table.lengths.push_back(reader.number());
  if (!reader.done()) return damaged_table("a segment's lengths");
  return table;
}

std::string pack_contents(const std::vector<ContentId>& contents) {
  std::string out;
  ContentId previous = 0;
  for (const ContentId id : contents) {
    put_varint(out, id - previous);
    previous = id;
  }
  return sealed(out);
}

Result<std::vector<ContentId>> unpack_contents(std::string_view packed) {
  const auto bytes = unsealed(packed);
  if (!bytes) return damaged_table("a tree's contents do not match their check value");
  BlobReader reader(*bytes);
  std::vector<ContentId> out;
  uint64_t id = 0;
  while (!reader.at_end()) {
    const uint32_t step = reader.number();
    id += step;
    if (id > UINT32_MAX || (step == 0 && !out.empty())) return damaged_table("a tree's contents");
    out.push_back(static_cast<ContentId>(id));
  }
  if (!reader.ok()) return damaged_table("a tree's contents");
  return out;
}

}  // namespace lode::search
