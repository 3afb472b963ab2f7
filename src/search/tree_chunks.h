// Every chunk of a tree, for those who carry an index elsewhere: content by content, in the order of their first paths.
// Of files of one text there is one content, as search has it. One thread, the reader's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "code/language.h"
#include "search/content_hash.h"
#include "search/index_reader.h"

namespace lode::search {

struct TreeChunk {
  std::string path;                 // the first, by bytes; any bytes
  std::vector<std::string> copies;  // other paths of the same text
  ContentHash content{};            // of the file's bytes
  uint32_t ordinal = 0;             // of the content's chunks
  code::Language language = code::Language::text;
  uint32_t first_line = 0;  // from 1
  uint32_t last_line = 0;
  std::string symbol;     // "Query.filter"; may be empty
  std::string_view kind;  // of the symbol
  std::string text;       // its lines; valid UTF-8
  std::string embedded;   // what its vector is made of (index::chunk_text)
};

// `wants`: whether the chunks of a content are visited, by its place in the reader's contents(). Errors: those of the
// reader and of visit.
Status each_chunk(IndexReader& reader, const std::function<bool(uint32_t place, size_t n_chunks)>& wants,
                  const std::function<Status(TreeChunk chunk)>& visit);

}  // namespace lode::search
