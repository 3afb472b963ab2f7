// What a lexical ranking is made from: contents (distinct file texts) cut into chunks, which terms each chunk holds,
// and what each content defines; and beside it which files of a tree have which content. One source may serve many
// trees: the commits of a repository, the branches of an index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "code/outline.h"
#include "index/postings.h"

namespace lode::index {

using ContentId = uint32_t;
using ChunkId = TextId;  // chunks are a Postings' texts

struct Definition {
  ContentId content = 0;
  code::SymbolKind kind = code::SymbolKind::function;
  uint32_t line = 0;
};

// One thread at a time.
class LexicalSource {
 public:
  LexicalSource() = default;
  LexicalSource(const LexicalSource&) = delete;
  LexicalSource& operator=(const LexicalSource&) = delete;
  virtual ~LexicalSource() = default;

  // By chunk, ascending. Valid until the next call.
  virtual std::span<const Posting> postings(std::string_view term) = 0;
  // Of a name as it is written. Valid until the next call.
  virtual std::span<const Definition> definitions(std::string_view name) = 0;

  // Chunks of a content are neighbours, in its order.
  [[nodiscard]] std::span<const uint32_t> chunk_lengths() const { return chunk_lengths_; }  // in terms
  [[nodiscard]] std::span<const ContentId> chunk_contents() const { return chunk_contents_; }
  struct Content {
    ChunkId first_chunk = 0;
    uint32_t n_chunks = 0;
    uint32_t length = 0;  // in terms
    uint32_t n_bytes = 0;
  };
  [[nodiscard]] std::span<const Content> contents() const { return contents_; }

 protected:
  LexicalSource(LexicalSource&&) = default;
  LexicalSource& operator=(LexicalSource&&) = default;

  std::vector<uint32_t> chunk_lengths_;
  std::vector<ContentId> chunk_contents_;
  std::vector<Content> contents_;
};

// The files of a tree. Immutable; any thread.
class FileTree {
 public:
  using FileId = uint32_t;

  // contents[f]: of paths[f], below source.contents().size().
  FileTree(const LexicalSource& source, std::vector<std::string> paths, std::vector<ContentId> contents);

  [[nodiscard]] size_t size() const { return paths_.size(); }
  [[nodiscard]] const std::string& path(FileId file) const { return paths_[file]; }
  [[nodiscard]] ContentId content(FileId file) const { return contents_[file]; }
  // The files that have a content; none for what another tree has.
  [[nodiscard]] std::span<const FileId> files_of(ContentId content) const {
    return {files_.data() + starts_[content], files_.data() + starts_[content + 1]};
  }
  [[nodiscard]] bool holds(ContentId content) const { return starts_[content] != starts_[content + 1]; }

  // log1p of its bytes.
  [[nodiscard]] float log_bytes(FileId file) const { return log_bytes_[file]; }

  // Over the tree's distinct contents.
  [[nodiscard]] size_t n_chunks() const { return n_chunks_; }
  [[nodiscard]] double average_chunk_length() const { return average_chunk_length_; }
  // Over its files.
  [[nodiscard]] double average_file_length() const { return average_file_length_; }

 private:
  std::vector<std::string> paths_;
  std::vector<ContentId> contents_;
  std::vector<float> log_bytes_;
  std::vector<uint32_t> starts_;  // by content, into files_
  std::vector<FileId> files_;
  size_t n_chunks_ = 0;
  double average_chunk_length_ = 0;
  double average_file_length_ = 0;
};

}  // namespace lode::index
