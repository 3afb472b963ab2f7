// Searches one tree of an index, as it was when this was opened. Lexical modes read a term's postings from the index at
// each query; what is kept in memory are the files' paths and the chunks' lengths. One thread at a time; open one for
// each thread that searches.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "index/lexical_features.h"
#include "index/path_evidence.h"
#include "index/query_parts.h"
#include "search/index_reader.h"
#include "search/query.h"
#include "search/stored_source.h"
#include "search/text_grams.h"
#include "search/vector_scan.h"

namespace lode::search {

class Searcher {
 public:
  // Errors: those of IndexReader::open.
  static Result<std::unique_ptr<Searcher>> open(const std::filesystem::path& index, const RootName& root);

  // Errors: invalid_argument for an empty query, for a vector of other dimensions and for a regex that is none;
  // unsupported for a mode that needs vectors where there are none; corrupt where the index is damaged.
  Result<SearchResult> search(const SearchQuery& query);

  // Vectors for the modes dense and hybrid, and what gives a query its own: [dims], of length 1.
  using EncodeQuery = std::function<Result<std::vector<float>>(const std::string& query, const std::stop_token& gone)>;
  void use_vectors(VectorScan scan, EncodeQuery encode);
  [[nodiscard]] size_t n_vectors() const { return scan_ ? scan_->n_vectors() : 0; }
  // Of a chunk, as VectorScan has it; empty where it has none.
  [[nodiscard]] std::vector<float> vector_of(index::TextId chunk);

  // Remembers what is learnt of the texts that are read, with whoever shares it.
  void share_grams(std::shared_ptr<KnownGrams> grams) { shared_grams_ = std::move(grams); }

  [[nodiscard]] size_t n_files() const { return tree_.size(); }
  // By path; those that have a content.
  [[nodiscard]] std::span<const IndexedFile> files() const { return files_; }
  // By file of files(): it passes the query's filters.
  [[nodiscard]] std::vector<uint8_t> allowed(const SearchQuery& query) const;
  // By place in the reader's contents: bit k is set where it has a symbol of kind k. Read once.
  Result<std::span<const uint32_t>> kinds_of_contents();
  // The file of that path, as the tree has it; null where there is none.
  [[nodiscard]] const IndexedFile* find(std::string_view path) const;
  [[nodiscard]] IndexReader& reader() { return *reader_; }

 private:
  friend class RankedSearch;
  friend class SymbolSearch;
  friend class TextSearch;
  Searcher(std::unique_ptr<IndexReader> reader, std::vector<IndexedFile> files);

  std::unique_ptr<IndexReader> reader_;
  std::vector<IndexedFile> files_;  // that have a content, by path: the tree's files
  StoredSource source_;
  index::FileTree tree_;
  index::PathIndex paths_;
  index::FileFeatures features_;              // of the last search by rank
  std::shared_ptr<KnownGrams> shared_grams_;  // null: nothing is remembered
  std::vector<uint32_t> kinds_;               // of kinds_of_contents(), from the first time on
  std::optional<GramsOfTree> grams_;          // from the first text that is looked for
  std::optional<VectorScan> scan_;
  EncodeQuery encode_;
};

}  // namespace lode::search
