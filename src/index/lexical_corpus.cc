#include "index/lexical_corpus.h"

#include "index/code_terms.h"

namespace lode::index {

LexicalCorpus::LexicalCorpus() : lexicon_(&code_terms) {}

ContentId LexicalCorpus::add(std::string_view path, std::string_view text) {
  add(read_document(path, text), text);
  return static_cast<ContentId>(contents_.size() - 1);
}

void LexicalCorpus::add(const Document& document, std::string_view text) {
  const auto id = static_cast<ContentId>(contents_.size());
  Content content{.first_chunk = static_cast<ChunkId>(chunk_lengths_.size()),
                  .n_chunks = static_cast<uint32_t>(document.chunks.size()),
                  .n_bytes = static_cast<uint32_t>(text.size())};
  for (const Counts& counts : count_chunks(text, document, lexicon_)) {
    postings_.add(counts);
    chunk_lengths_.push_back(counts.length);
    chunk_contents_.push_back(id);
    content.length += counts.length;
  }
  for (const code::Symbol& symbol : document.symbols) {
    definitions_[symbol.name].push_back({id, symbol.kind, symbol.line});
  }
  contents_.push_back(content);
}

void LexicalCorpus::finish() {
  postings_.finish();
}

std::span<const Posting> LexicalCorpus::postings(std::string_view term) {
  const std::optional<TermId> id = lexicon_.find(term);
  return id ? postings_.of(*id) : std::span<const Posting>();
}

std::span<const Definition> LexicalCorpus::definitions(std::string_view name) {
  const auto found = definitions_.find(std::string(name));
  return found == definitions_.end() ? std::span<const Definition>() : found->second;
}

}  // namespace lode::index
