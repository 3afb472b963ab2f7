// What a cold command pays for an index: opening it, the postings of a query's terms, the outlines and texts of hits.
//   index_reader INDEX FOLDER
// The terms are spread over the dictionary, common and rare ones. Prints one line.
#include "search/index_reader.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace {

constexpr size_t kTerms = 30;
constexpr size_t kHits = 20;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

template <class T>
T got(lode::Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().line());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "index_reader INDEX FOLDER\n");
    return 2;
  }
  const lode::search::RootName root{.folder = std::filesystem::canonical(argv[2]).string(), .revision = ""};
  std::vector<std::string> terms;
  {
    const auto reader = got(lode::search::IndexReader::open(argv[1], root));
    std::vector<std::pair<size_t, std::string>> all;
    if (!reader->each_term(lode::search::Dictionary::terms, [&](std::string_view term) { all.emplace_back(0, term); }))
      return 1;
    for (size_t i = 0; i < all.size(); i += 1 + all.size() / 3000) {
      terms.push_back(all[i].second);
      all[terms.size() - 1] = {got(reader->postings(all[i].second)).size(), all[i].second};
    }
    all.resize(terms.size());
    std::ranges::sort(all, std::greater<>{});
    // The most frequent ten of those, and others evenly.
    terms.clear();
    for (size_t i = 0; i < kTerms; ++i) terms.push_back(all[i < 10 ? i : i * all.size() / kTerms].second);
  }

  auto start = std::chrono::steady_clock::now();
  const auto reader = got(lode::search::IndexReader::open(argv[1], root));
  const double open_ms = milliseconds_since(start);
  start = std::chrono::steady_clock::now();
  size_t n_postings = 0;
  std::vector<lode::index::Posting> last;
  for (const std::string& term : terms) {
    last = got(reader->postings(term));
    n_postings += last.size();
    if (n_postings == 0) std::abort();
  }
  const double postings_ms = milliseconds_since(start);
  start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kHits; ++i) {
    const auto id = reader->contents()[i * reader->contents().size() / kHits];
    static_cast<void>(got(reader->content(id)));
    static_cast<void>(got(reader->text(id)));
  }
  const double hits_ms = milliseconds_since(start);
  start = std::chrono::steady_clock::now();
  const size_t n_files = got(reader->files()).size();
  fmt::print("{} chunks: open {:.2f} ms, {} terms with {} postings {:.2f} ms, {} hits {:.2f} ms, {} files {:.2f} ms\n",
             reader->n_chunks(), open_ms, terms.size(), n_postings, postings_ms, kHits, hits_ms, n_files,
             milliseconds_since(start));
  return 0;
}
