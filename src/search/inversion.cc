#include "search/inversion.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <string>
#include <utility>

#include "search/posting_list.h"

namespace lode::search {

void Inversion::sort(std::vector<std::string_view> terms) {
  terms_ = std::move(terms);
  starts_.assign(terms_.size() + 1, 0);
  for (const Use& use : uses_) ++starts_[use.term + 1];
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  std::vector<Use> sorted(uses_.size());
  for (const Use& use : uses_) sorted[next[use.term]++] = use;
  uses_ = std::move(sorted);
  order_.resize(terms_.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, {}, [this](uint32_t number) { return terms_[number]; });
}

void merge_inversions(std::span<const Inversion* const> inversions, std::span<const std::vector<uint32_t>> numbers,
                      BlockWriter& out) {
  struct Cursor {
    size_t inversion;
    size_t place;
    std::string_view term;
  };
  const auto later = [](const Cursor& a, const Cursor& b) { return a.term > b.term; };
  std::priority_queue<Cursor, std::vector<Cursor>, decltype(later)> cursors(later);
  for (size_t i = 0; i < inversions.size(); ++i) {
    if (inversions[i]->n_terms() > 0) cursors.push({i, 0, inversions[i]->term(0)});
  }
  std::vector<index::Posting> postings;
  std::string list;
  while (!cursors.empty()) {
    const std::string_view term = cursors.top().term;
    postings.clear();
    size_t n_sources = 0;
    while (!cursors.empty() && cursors.top().term == term) {
      Cursor cursor = cursors.top();
      cursors.pop();
      ++n_sources;
      for (const Inversion::Use& use : inversions[cursor.inversion]->uses(cursor.place)) {
        postings.push_back({numbers[cursor.inversion][use.text], use.n});
      }
      if (++cursor.place < inversions[cursor.inversion]->n_terms()) {
        cursor.term = inversions[cursor.inversion]->term(cursor.place);
        cursors.push(cursor);
      }
    }
    // Stable: definitions of one name within one text keep their order.
    if (n_sources > 1) std::ranges::stable_sort(postings, {}, &index::Posting::text);
    list.clear();
    index::TextId previous = 0;
    for (const index::Posting& posting : postings) {
      put_posting(list, previous, posting);
      previous = posting.text;
    }
    out.add(term, list);
  }
  out.finish();
}

}  // namespace lode::search
