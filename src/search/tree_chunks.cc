#include "search/tree_chunks.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "index/document.h"

namespace lode::search {
namespace {

Status visit_content(IndexReader& reader, const TreeChunk& shared, ContentId id,
                     const std::function<Status(TreeChunk chunk)>& visit) {
  LODE_ASSIGN(Content content, reader.content(id));
  LODE_ASSIGN(const std::string text, reader.text(id));
  const index::Document document{.language = content.language,
                                 .symbols = std::move(content.outline.symbols),
                                 .chunks = std::move(content.outline.chunks)};
  for (uint32_t i = 0; i < document.chunks.size(); ++i) {
    const index::Chunk& chunk = document.chunks[i];
    const size_t end = std::min<size_t>(chunk.end, text.size()), begin = std::min<size_t>(chunk.begin, end);
    TreeChunk out = shared;
    out.ordinal = i;
    out.language = document.language;
    out.first_line = chunk.first_line;
    out.last_line = chunk.last_line;
    if (chunk.symbol >= 0) {
      out.symbol = code::qualified_name(document.symbols, chunk.symbol);
      out.kind = code::name_of(document.symbols[static_cast<size_t>(chunk.symbol)].kind);
    }
    out.text = text.substr(begin, end - begin);
    out.embedded = index::chunk_text(shared.path, text, document, chunk);
    LODE_TRY(visit(std::move(out)));
  }
  return {};
}

}  // namespace

Status each_chunk(IndexReader& reader, const std::function<bool(uint32_t place, size_t n_chunks)>& wants,
                  const std::function<Status(TreeChunk chunk)>& visit) {
  LODE_ASSIGN(const std::vector<ContentHash> hashes, reader.content_hashes());
  LODE_ASSIGN(const std::vector<IndexedFile> files, reader.files());
  std::unordered_set<ContentId> seen;
  for (const IndexedFile& file : files) {
    if (!file.content || !seen.insert(*file.content).second) continue;
    const uint32_t place = reader.place_of(*file.content);
    const uint32_t n_chunks = reader.first_chunks()[place + 1] - reader.first_chunks()[place];
    if (n_chunks == 0 || !wants(place, n_chunks)) continue;
    TreeChunk shared;
    shared.path = file.path;
    shared.content = hashes[place];
    LODE_ASSIGN(shared.copies, reader.paths(*file.content));
    std::erase(shared.copies, file.path);
    LODE_TRY(visit_content(reader, shared, *file.content, visit));
  }
  return {};
}

}  // namespace lode::search
