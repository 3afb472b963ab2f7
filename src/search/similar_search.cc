#include "search/similar_search.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/excerpt.h"
#include "index/bm25.h"
#include "index/code_terms.h"
#include "index/word_break.h"

namespace lode::search {
namespace {

constexpr size_t kMostWords = 40;

// The words of a chunk that tell most about it, joined: by the idf of their terms, counted up to three times.
Result<std::string> telling_words(IndexReader& reader, std::string_view chunk) {
  std::map<std::string, size_t, std::less<>> counts;
  index::WordReader words(chunk);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    const auto found = counts.find(word);
    if (found == counts.end()) {
      counts.emplace(word, 1);
    } else {
      ++found->second;
    }
  }
  std::unordered_map<std::string, double> idfs;
  std::vector<std::pair<double, std::string>> weighed;
  std::vector<std::string> terms;
  for (const auto& [word, count] : counts) {
    terms.clear();
    index::code_terms(word, terms);
    double weight = 0;
    for (const std::string& term : terms) {
      const auto [known, is_new] = idfs.try_emplace(term, 0.0);
      if (is_new) {
        LODE_ASSIGN(const auto postings, reader.postings(term));
        if (!postings.empty()) known->second = index::inverse_document_frequency(reader.n_chunks(), postings.size());
      }
      weight = std::max(weight, known->second);
    }
    if (weight > 0) weighed.emplace_back(-weight * static_cast<double>(std::min<size_t>(count, 3)), word);
  }
  std::ranges::sort(weighed);
  if (weighed.size() > kMostWords) weighed.resize(kMostWords);
  std::string out;
  for (const auto& [weight, word] : weighed) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

Result<SearchResult> find_similar(Searcher& searcher, std::string_view path, uint32_t line, const SearchQuery& asked) {
  const IndexedFile* const file = searcher.find(path);
  if (file == nullptr) {
    return fail(Code::not_found, fmt::format("the index has no file {}", excerpt(path)),
                "Give a path as the hits have it.");
  }
  IndexReader& reader = searcher.reader();
  LODE_ASSIGN(const Content content, reader.content(*file->content));
  const std::vector<index::Chunk>& chunks = content.outline.chunks;
  const auto chunk = std::ranges::find_if(
      chunks, [&](const index::Chunk& one) { return one.first_line <= line && line <= one.last_line; });
  if (chunk == chunks.end()) {
    const uint32_t last = chunks.empty() ? 0 : chunks.back().last_line;
    return fail(Code::invalid_argument, fmt::format("{} has no line {}: its lines are 1 to {}", path, line, last),
                "Give a line within the file.");
  }
  SearchQuery query = asked;
  query.mode = Mode::bm25;
  query.n_hits = asked.n_hits + 1;  // the file itself
  if (asked.mode == Mode::dense || asked.mode == Mode::hybrid) {
    const uint32_t first = reader.first_chunks()[reader.place_of(*file->content)];
    query.vector = searcher.vector_of(first + static_cast<uint32_t>(chunk - chunks.begin()));
    if (!query.vector.empty()) query.mode = Mode::dense;
    if (query.mode != Mode::dense && asked.mode == Mode::dense) {
      return fail(Code::unsupported, fmt::format("line {} of {} has no vector of this model yet", line, path),
                  "Make vectors with lode index, or ask with another mode.");
    }
  }
  LODE_ASSIGN(const std::string text, reader.text(*file->content));
  LODE_ASSIGN(query.text,
              telling_words(reader, std::string_view(text).substr(chunk->begin, chunk->end - chunk->begin)));
  SearchResult out;
  if (query.text.empty() && query.mode == Mode::bm25) {
    out.is_complete = reader.is_complete();
    out.mode = query.mode;
    return out;
  }
  LODE_ASSIGN(out, searcher.search(query));
  for (auto hit = out.hits.begin(); hit != out.hits.end(); ++hit) {
    std::erase(hit->copies, path);
    if (hit->path != path) continue;
    // The first copy that the filters let pass stands for it.
    const std::vector<uint8_t> allowed = searcher.allowed(query);
    const auto copy = std::ranges::find_if(hit->copies, [&](const std::string& one) {
      const IndexedFile* const known = searcher.find(one);
      return known != nullptr && allowed[static_cast<size_t>(known - searcher.files().data())] != 0;
    });
    if (copy == hit->copies.end()) {
      out.hits.erase(hit);
      --out.n_found;
    } else {
      hit->path = std::move(*copy);
      hit->copies.erase(copy);
    }
    break;
  }
  if (out.hits.size() > asked.n_hits) out.hits.resize(asked.n_hits);
  return out;
}

}  // namespace lode::search
