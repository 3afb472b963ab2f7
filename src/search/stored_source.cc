#include "search/stored_source.h"

#include <numeric>
#include <string>
#include <utility>

namespace lode::search {

StoredSource::StoredSource(IndexReader& reader) : reader_(reader) {
  const std::span<const uint32_t> lengths = reader.lengths();
  const std::span<const uint32_t> first_chunks = reader.first_chunks();
  chunk_lengths_.assign(lengths.begin(), lengths.end());
  chunk_contents_.reserve(lengths.size());
  contents_.reserve(reader.contents().size());
  for (size_t place = 0; place < reader.contents().size(); ++place) {
    const uint32_t first = first_chunks[place];
    const uint32_t n_chunks = first_chunks[place + 1] - first;
    const auto own = lengths.subspan(first, n_chunks);
    contents_.push_back({.first_chunk = first,
                         .n_chunks = n_chunks,
                         .length = std::accumulate(own.begin(), own.end(), 0U),
                         .n_bytes = reader.content_bytes()[place]});
    chunk_contents_.insert(chunk_contents_.end(), n_chunks, static_cast<index::ContentId>(place));
  }
}

std::span<const index::Posting> StoredSource::postings(std::string_view term) {
  const Status found = reader_.postings(term, postings_);
  if (!found && status_) status_ = found;
  if (!found) postings_.clear();
  return postings_;
}

std::span<const index::Definition> StoredSource::definitions(std::string_view name) {
  definitions_.clear();
  const auto found = reader_.definitions(name);
  if (!found && status_) status_ = std::unexpected(found.error());
  if (!found) return {};
  for (const Definition& definition : *found) {
    if (definition.name != name) continue;
    definitions_.push_back(
        {.content = reader_.place_of(definition.content), .kind = definition.kind, .line = definition.line});
  }
  return definitions_;
}

Status StoredSource::take_status() {
  return std::exchange(status_, Status{});
}

}  // namespace lode::search
