// A tree of an index as a lexical ranking is made from it: the source of its chunks' terms and its contents'
// definitions. Contents are numbered as in IndexReader::contents(), chunks as there. What goes wrong
// while a ranking asks is kept: it goes on with nothing found, and who asked looks at take_status() behind it. One
// thread at a time.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "index/lexical_source.h"
#include "search/index_reader.h"

namespace lode::search {

class StoredSource final : public index::LexicalSource {
 public:
  // The reader outlives this.
  explicit StoredSource(IndexReader& reader);

  std::span<const index::Posting> postings(std::string_view term) override;
  std::span<const index::Definition> definitions(std::string_view name) override;

  // The first error since it was asked last, if any.
  Status take_status();

 private:
  IndexReader& reader_;
  Status status_;
  std::vector<index::Posting> postings_;
  std::vector<index::Definition> definitions_;
};

}  // namespace lode::search
