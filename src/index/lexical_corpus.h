// A LexicalSource in memory. Filled by one thread, finished, then read; postings() and definitions() then by any.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "index/document.h"
#include "index/lexical_source.h"
#include "index/lexicon.h"

namespace lode::index {

class LexicalCorpus final : public LexicalSource {
 public:
  LexicalCorpus();
  // The next content. `path` tells the language; `text` need not be UTF-8.
  ContentId add(std::string_view path, std::string_view text);
  void add(const Document& document, std::string_view text);
  // Nothing comes after this.
  void finish();

  std::span<const Posting> postings(std::string_view term) override;
  std::span<const Definition> definitions(std::string_view name) override;

 private:
  Lexicon lexicon_;
  Postings postings_;
  std::unordered_map<std::string, std::vector<Definition>> definitions_;
};

}  // namespace lode::index
