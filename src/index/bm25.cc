#include "index/bm25.h"

#include <bit>
#include <cmath>
#include <numeric>

namespace lode::index {
namespace {

constexpr int64_t kExactLengths = 24;  // below it a byte holds the length itself

}  // namespace

int64_t byte_length(int64_t length) {
  if (length < kExactLengths) return length;
  const auto rest = static_cast<uint64_t>(length - kExactLengths);
  const int shift = std::max(0, 64 - std::countl_zero(rest) - 4);
  return kExactLengths + static_cast<int64_t>(rest >> shift << shift);
}

Collection::Collection(const Postings& postings, std::span<const std::vector<TextId>> documents)
    : postings_(postings), lengths_(documents.size()), starts_(postings.n_texts() + 1) {
  for (size_t d = 0; d < documents.size(); ++d) {
    for (const TextId text : documents[d]) {
      lengths_[d] += postings.length(text);
      ++starts_[text + 1];
    }
  }
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  documents_.resize(starts_.back());
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (size_t d = 0; d < documents.size(); ++d) {
    for (const TextId text : documents[d]) documents_[next[text]++] = static_cast<uint32_t>(d);
  }
  if (!lengths_.empty()) {
    average_length_ = static_cast<double>(std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0})) /
                      static_cast<double>(lengths_.size());
  }
}

Collection::Collection(const Postings& postings) : postings_(postings), lengths_(postings.n_texts()) {
  double sum = 0;
  for (size_t d = 0; d < lengths_.size(); ++d) {
    lengths_[d] = postings.length(static_cast<TextId>(d));
    sum += static_cast<double>(lengths_[d]);
  }
  if (!lengths_.empty()) average_length_ = sum / static_cast<double>(lengths_.size());
}

std::span<const uint32_t> Collection::documents_of(TextId text) const {
  return std::span(documents_).subspan(starts_[text], starts_[text + 1] - starts_[text]);
}

double inverse_document_frequency(size_t n_documents, size_t n_holding) {
  const auto n = static_cast<double>(n_documents), df = static_cast<double>(n_holding);
  return std::log(1 + (n - df + 0.5) / (df + 0.5));
}

std::vector<double> Collection::penalties(const Bm25Options& options) const {
  std::vector<double> out(size());
  for (size_t d = 0; d < size(); ++d) {
    const int64_t length = options.byte_lengths ? byte_length(lengths_[d]) : lengths_[d];
    out[d] = options.k1 * (1 - options.b + options.b * static_cast<double>(length) / average_length_);
  }
  return out;
}

std::vector<double> Collection::scores(const Counts& query, const Bm25Options& options) const {
  std::vector<double> out(size());
  const std::vector<double> penalty = penalties(options);
  std::vector<uint32_t> tf(size());
  std::vector<uint32_t> holding;
  for (const TermCount& term : query.terms) {
    holding.clear();
    const auto note = [&](uint32_t document, uint32_t n) {
      if (tf[document] == 0) holding.push_back(document);
      tf[document] += n;
    };
    for (const Posting& posting : postings_.of(term.term)) {
      if (starts_.empty()) {
        note(posting.text, posting.n);
      } else {
        for (const uint32_t document : documents_of(posting.text)) note(document, posting.n);
      }
    }
    const double weight = term.n * inverse_document_frequency(size(), holding.size());
    for (const uint32_t document : holding) {
      const double count = tf[document];
      out[document] += weight * count / (count + penalty[document]);
      tf[document] = 0;
    }
  }
  return out;
}

}  // namespace lode::index
