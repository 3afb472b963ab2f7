// A folder and its index, brought up to date and written out whole, so that two indexes can be compared.
#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parallel.h"
#include "search/folder_tree.h"
#include "search/index_reader.h"
#include "search/index_writer.h"
#include "search/indexer.h"

namespace lode::test {

inline search::RootName root_of(const std::filesystem::path& folder) {
  return {.folder = std::filesystem::canonical(folder).string(), .revision = ""};
}

inline Result<search::IndexingReport> update(const std::filesystem::path& folder, const std::filesystem::path& index,
                                             const search::IndexingOptions& options = {},
                                             const search::WriterOptions& writing = {}) {
  LODE_ASSIGN(const auto writer, search::IndexWriter::open(index, writing));
  LODE_ASSIGN(const auto tree, search::FolderTree::open(folder, index));
  ThreadPool pool(2);
  return search::update_index(*writer, *tree, root_of(folder), "", pool, options);
}

// Everything that a search can see, a line each, without the numbers that depend on an index's history.
inline Result<std::set<std::string>> dump(search::IndexReader& reader) {
  std::set<std::string> out;
  out.insert(fmt::format("chunks {} terms {}", reader.n_chunks(), reader.total_length()));
  LODE_ASSIGN(const auto files, reader.files());
  for (const auto& file : files) {
    std::string line = fmt::format("file {} {} {}", file.path, name_of(file.skip), file.n_bytes);
    if (file.content) {
      LODE_ASSIGN(const auto content, reader.content(*file.content));
      LODE_ASSIGN(const std::string text, reader.text(*file.content));
      line += fmt::format(" {} {} {} {}", code::name_of(content.language), content.n_bytes,
                          content.outline.chunks.size(), text);
    }
    out.insert(line);
  }
  const auto where = [&](index::TextId chunk) -> Result<std::string> {
    const uint32_t place = reader.content_of(chunk);
    const auto id = reader.contents()[place];
    LODE_ASSIGN(const auto content, reader.content(id));
    LODE_ASSIGN(const auto paths, reader.paths(id));
    const uint32_t ordinal = chunk - reader.first_chunks()[place];
    if (ordinal >= content.outline.chunks.size()) return fail(Code::corrupt, "a chunk that its content does not have");
    const index::Chunk& lines = content.outline.chunks[ordinal];
    return fmt::format("{}:{}-{} of {}", fmt::join(paths, ","), lines.first_line, lines.last_line,
                       reader.lengths()[chunk]);
  };
  std::set<std::string> terms;
  std::set<std::string> names;
  LODE_TRY(reader.each_term(search::Dictionary::terms, [&](std::string_view term) { terms.emplace(term); }));
  LODE_TRY(reader.each_term(search::Dictionary::definitions, [&](std::string_view name) { names.emplace(name); }));
  for (const std::string& term : terms) {
    LODE_ASSIGN(const auto postings, reader.postings(term));
    if (!postings.empty()) out.insert(fmt::format("df {} {}", term, postings.size()));
    for (const index::Posting& posting : postings) {
      LODE_ASSIGN(const std::string place, where(posting.text));
      out.insert(fmt::format("posting {} {} {}", term, place, posting.n));
    }
  }
  for (const std::string& key : names) {
    const std::string name = key.substr(0, key.find('\0'));
    LODE_ASSIGN(const auto definitions, reader.definitions(name));
    for (const auto& definition : definitions) {
      LODE_ASSIGN(const auto content, reader.content(definition.content));
      LODE_ASSIGN(const auto paths, reader.paths(definition.content));
      const auto same = [&](const code::Symbol& symbol) {
        return symbol.name == definition.name && symbol.kind == definition.kind && symbol.line == definition.line;
      };
      if (std::ranges::none_of(content.outline.symbols, same)) return fail(Code::corrupt, "a symbol that is not there");
      out.insert(fmt::format("symbol {} {} {} {}:{}", name, definition.name, name_of(definition.kind),
                             fmt::join(paths, ","), definition.line));
    }
  }
  return out;
}

inline Result<std::set<std::string>> dump(const std::filesystem::path& folder, const std::filesystem::path& index) {
  LODE_ASSIGN(const auto reader, search::IndexReader::open(index, root_of(folder)));
  return dump(*reader);
}

}  // namespace lode::test
