#include "index/bm25_index.h"

#include <algorithm>

namespace lode::index {

Bm25Index::Bm25Index(const Postings& postings, const Bm25Options& options)
    : sums_(postings.n_texts()), scores_(postings.n_texts()) {
  const std::vector<double> penalties = Collection(postings).penalties(options);
  const size_t n_terms = postings.n_terms();
  starts_.reserve(n_terms + 1);
  starts_.push_back(0);
  texts_.reserve(postings.n_postings());
  shares_.reserve(postings.n_postings());
  weights_.reserve(n_terms);
  for (TermId term = 0; term < n_terms; ++term) {
    const std::span<const Posting> list = postings.of(term);
    for (const Posting& posting : list) {
      const double n = posting.n;
      texts_.push_back(posting.text);
      shares_.push_back(n / (n + penalties[posting.text]));
    }
    starts_.push_back(texts_.size());
    weights_.push_back(inverse_document_frequency(size(), list.size()));
  }
}

std::span<const float> Bm25Index::scores(const Counts& query) {
  std::ranges::fill(sums_, 0.0);
  double* const sums = sums_.data();
  for (const TermCount& term : query.terms) {
    if (term.term >= weights_.size()) continue;
    const double weight = term.n * weights_[term.term];
    const size_t end = starts_[term.term + 1];
    for (size_t i = starts_[term.term]; i < end; ++i) sums[texts_[i]] += weight * shares_[i];
  }
  std::ranges::copy(sums_, scores_.begin());
  return scores_;
}

}  // namespace lode::index
