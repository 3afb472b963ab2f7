// BM25 as Lucene scores it: sum over the query's terms of count in the query * idf * tf / (tf + k1 * (1 - b + b * dl /
// avgdl)), idf = ln(1 + (N - df + 0.5) / (df + 0.5)). (The factor k1 + 1 of the textbooks changes no order; Lucene
// dropped it.) Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/lexicon.h"
#include "index/postings.h"

namespace lode::index {

struct Bm25Options {
  double k1 = 0.9;  // Pyserini's; Lucene's own are 1.2 and 0.75
  double b = 0.4;
  // Lengths as Lucene keeps them: in one byte, exact up to 39 and then to 1 in 8 to 16.
  bool byte_lengths = true;
};

// Documents of a ranking, each made of texts of one Postings: of a path and a file's contents, say, so that contents
// that many trees share are counted once. Immutable; any thread.
class Collection {
 public:
  // documents[d]: the texts of document d, ids below postings.n_texts().
  Collection(const Postings& postings, std::span<const std::vector<TextId>> documents);
  // Every text a document.
  explicit Collection(const Postings& postings);

  [[nodiscard]] size_t size() const { return lengths_.size(); }
  // One score a document, 0 for those without a term of the query.
  [[nodiscard]] std::vector<double> scores(const Counts& query, const Bm25Options& options) const;
  // k1 * (1 - b + b * dl / avgdl), by document.
  [[nodiscard]] std::vector<double> penalties(const Bm25Options& options) const;

 private:
  [[nodiscard]] std::span<const uint32_t> documents_of(TextId text) const;

  const Postings& postings_;
  std::vector<int64_t> lengths_;  // of a document, in terms
  std::vector<uint32_t> starts_;  // by text, into documents_; empty: text t is document t
  std::vector<uint32_t> documents_;
  double average_length_ = 0;
};

// ln(1 + (N - df + 0.5) / (df + 0.5)) of a term that n_holding of n_documents hold.
double inverse_document_frequency(size_t n_documents, size_t n_holding);

// A length as one byte gives it back (Lucene's SmallFloat.byte4ToInt(intToByte4(length))).
int64_t byte_length(int64_t length);

}  // namespace lode::index
