#include "search/segment_builder.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lode::search {

namespace {

constexpr uint32_t kKindBits = 5;
constexpr uint32_t kLastLine = UINT32_MAX >> kKindBits;
static_assert(code::kSymbolKinds <= 1U << kKindBits);

}  // namespace

std::string definition_key(std::string_view name) {
  std::string out;
  out.reserve(2 * name.size() + 1);
  std::ranges::transform(name, std::back_inserter(out),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  out += '\0';
  return out += name;
}

uint32_t definition_code(code::SymbolKind kind, uint32_t line) {
  return std::min(line, kLastLine) << kKindBits | static_cast<uint32_t>(kind);
}

code::SymbolKind kind_of_code(uint32_t code) {
  const uint32_t kind = code & ((1U << kKindBits) - 1);
  return kind < code::kSymbolKinds ? static_cast<code::SymbolKind>(kind) : code::SymbolKind::function;
}

SegmentBuilder::SegmentBuilder(int n_workers) {
  for (int i = 0; i < n_workers; ++i) parts_.push_back(std::make_unique<Part>());
}

void SegmentBuilder::Part::begin_content(uint32_t content, size_t n_bytes) {
  contents_.push_back({.place = content,
                       .first_chunk = static_cast<uint32_t>(lengths_.size()),
                       .n_bytes = static_cast<uint32_t>(n_bytes),
                       .n_symbols = 0});
}

void SegmentBuilder::Part::add_chunk(const index::Counts& counts) {
  const auto chunk = static_cast<uint32_t>(lengths_.size());
  for (const index::TermCount& term : counts.terms) terms_.add(term.term, chunk, term.n);
  lengths_.push_back(counts.length);
}

void SegmentBuilder::Part::add_definition(const code::Symbol& symbol) {
  const auto number = static_cast<uint32_t>(names_.size());
  const uint32_t known = names_.try_emplace(definition_key(symbol.name), number).first->second;
  ++contents_.back().n_symbols;
  definitions_.add(known, static_cast<uint32_t>(contents_.size() - 1), definition_code(symbol.kind, symbol.line));
}

void SegmentBuilder::Part::sort_terms() {
  std::vector<std::string_view> terms;
  for (index::TermId id = 0; id < lexicon_.n_terms(); ++id) terms.push_back(lexicon_.term(id));
  terms_.sort(std::move(terms));
}

void SegmentBuilder::Part::sort_definitions() {
  std::vector<std::string_view> names(names_.size());
  for (const auto& [name, number] : names_) names[number] = name;
  definitions_.sort(std::move(names));
}

Result<SegmentTable> SegmentBuilder::finish(const std::vector<ContentId>& ids, ThreadPool& pool, const OnBlock& store) {
  pool.for_each(2 * parts_.size(), [this](size_t i, int) {
    Part& part = *parts_[i / 2];
    i % 2 == 0 ? part.sort_terms() : part.sort_definitions();
  });

  SegmentTable table;
  table.contents.resize(ids.size());
  for (size_t place = 0; place < ids.size(); ++place) table.contents[place].id = ids[place];
  const auto end_of = [](const Part& part, size_t i) {
    return i + 1 < part.contents_.size() ? part.contents_[i + 1].first_chunk
                                         : static_cast<uint32_t>(part.lengths_.size());
  };
  for (const auto& part : parts_) {
    for (size_t i = 0; i < part->contents_.size(); ++i) {
      const Part::Content& content = part->contents_[i];
      table.contents[content.place].n_chunks = end_of(*part, i) - content.first_chunk;
      table.contents[content.place].n_symbols = content.n_symbols;
      table.contents[content.place].n_bytes = content.n_bytes;
    }
  }
  std::vector<uint32_t> first_chunks;
  uint32_t n_chunks = 0;
  for (const SegmentTable::Content& content : table.contents) {
    first_chunks.push_back(n_chunks);
    n_chunks += content.n_chunks;
  }
  table.lengths.resize(n_chunks);
  std::vector<std::vector<uint32_t>> chunk_numbers;
  std::vector<std::vector<uint32_t>> content_numbers;
  std::vector<const Inversion*> terms;
  std::vector<const Inversion*> definitions;
  for (const auto& part : parts_) {
    std::vector<uint32_t>& chunks = chunk_numbers.emplace_back(part->lengths_.size());
    std::vector<uint32_t>& contents = content_numbers.emplace_back();
    for (size_t i = 0; i < part->contents_.size(); ++i) {
      const Part::Content& content = part->contents_[i];
      contents.push_back(content.place);
      for (uint32_t chunk = content.first_chunk; chunk < end_of(*part, i); ++chunk) {
        chunks[chunk] = first_chunks[content.place] + chunk - content.first_chunk;
        table.lengths[chunks[chunk]] = part->lengths_[chunk];
      }
    }
    terms.push_back(&part->terms_);
    definitions.push_back(&part->definitions_);
  }

  Status stored;
  for (const Dictionary dictionary : {Dictionary::terms, Dictionary::definitions}) {
    BlockWriter blocks([&](std::string_view first, std::string_view block) {
      if (stored) stored = store(dictionary, first, block);
    });
    const bool of_terms = dictionary == Dictionary::terms;
    merge_inversions(of_terms ? terms : definitions, of_terms ? chunk_numbers : content_numbers, blocks);
  }
  LODE_TRY(stored);
  return table;
}

}  // namespace lode::search
