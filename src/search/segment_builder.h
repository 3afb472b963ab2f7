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
    void begin_content(uint32_t content);
    // Of the content begun last; valid UTF-8.
    void add_chunk(std::string_view text);
    // In any letter case. symbol: its place in the content's outline.
    void add_definition(std::string_view name, uint32_t symbol);

   private:
    friend class SegmentBuilder;
    struct Content {
      uint32_t place;
      uint32_t first_chunk;  // in this part
      uint32_t n_symbols = 0;
    };
    std::vector<Content> contents_;
    std::vector<uint32_t> lengths_;  // of chunks
    index::Lexicon lexicon_{index::code_terms};
    Inversion terms_;  // of chunks of this part
    std::unordered_map<std::string, uint32_t> names_;
    Inversion definitions_;  // of contents of this part
    std::string lower_;

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

// Of ASCII letters; the others stay as they are.
void lower_name(std::string_view name, std::string& out);

}  // namespace lode::search
