#include "eval/bm25_search.h"

#include <limits>

#include "base/error.h"
#include "index/english_analyzer.h"
#include "text/utf8.h"

namespace lode::eval {

Bm25Search::Bm25Search(const index::Bm25Options& options) : options_(options), lexicon_(&index::english_terms) {}

void Bm25Search::add(std::string_view text) {
  postings_.add(lexicon_.count(text::utf8::Repaired(text).text()));
}

void Bm25Search::finish(std::span<const std::string> ids) {
  LODE_CHECK(ids.size() == postings_.n_texts());
  postings_.finish();
  index_.emplace(postings_, options_);
  postings_ = {};
  order_.emplace(ids);
}

std::vector<Neighbour> Bm25Search::best(std::string_view query, size_t k) {
  LODE_CHECK(index_.has_value());
  // A term's weight is above zero, so what holds none of the terms scores zero.
  const std::span<const float> scores = index_->scores(lexicon_.count(text::utf8::Repaired(query).text()));
  return best_of(scores, *order_, k, std::numeric_limits<float>::min());
}

}  // namespace lode::eval
