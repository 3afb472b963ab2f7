// A new segment in the making: the workers add what they read, each to a part of its own; then all of it becomes two
// sorted dictionaries. What comes out depends on the contents and their order alone, not on which worker met which.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "code/outline.h"
#include "index/code_terms.h"
#include "index/lexicon.h"
#include "search/index_file.h"
#include "search/inversion.h"
#include "search/segment_table.h"

namespace lode::search {

class SegmentBuilder {
 public:
  explicit SegmentBuilder(int n_workers);

  // What one worker met. One thread at a time.
  class Part {
   public:
    // content: its place among the segment's contents, greater than the one before it.
    void begin_content(uint32_t content, size_t n_bytes);
    // What counts terms for add_chunk.
    index::Lexicon& lexicon() { return lexicon_; }
    // Of the content begun last.
    void add_chunk(const index::Counts& counts);
    void add_definition(const code::Symbol& symbol);

   private:
    friend class SegmentBuilder;
    struct Content {
      uint32_t place;
      uint32_t first_chunk;  // in this part
      uint32_t n_bytes;
      uint32_t n_symbols;
    };
    std::vector<Content> contents_;
    std::vector<uint32_t> lengths_;  // of chunks
    index::Lexicon lexicon_{index::code_terms};
    Inversion terms_;  // of chunks of this part
    std::unordered_map<std::string, uint32_t> names_;
    Inversion definitions_;  // of contents of this part

    void sort_terms();
    void sort_definitions();
  };
  Part& part(int worker) { return *parts_[static_cast<size_t>(worker)]; }

  // Blocks in the order of the index's table.
  using OnBlock = std::function<Status(Dictionary dictionary, std::string_view first, std::string_view block)>;
  // ids: of the contents, by place, ascending; each was begun by one worker. Calls `store` on the calling thread.
  Result<SegmentTable> finish(const std::vector<ContentId>& ids, ThreadPool& pool, const OnBlock& store);

 private:
  std::vector<std::unique_ptr<Part>> parts_;
};

// What a dictionary of definitions has for a name: it in lower case (of ASCII), a NUL, and it as it is written, so that
// the ways to write it are neighbours. And for a symbol of that name: its line and kind in one number.
std::string definition_key(std::string_view name);
uint32_t definition_code(code::SymbolKind kind, uint32_t line);
code::SymbolKind kind_of_code(uint32_t code);
inline uint32_t line_of_code(uint32_t code) {
  return code >> 5;
}

}  // namespace lode::search
