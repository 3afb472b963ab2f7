#include "model/microbatch.h"

#include <algorithm>
#include <functional>

namespace lode::model {
namespace {

// A thread with fewer rows than this would wait for weights more than it computes.
constexpr int64_t kLeastRows = 64;
// Of the time of n_threads threads, what may be spent on waiting for the last one: less than they would spend on
// waiting for each other product by product.
constexpr double kMostIdle = 1.0 / 16;

// Sequences are added to a part until it is closer to `rows` without the next one; it has never more than `most`.
std::vector<Microbatch> cut_near(const Batch& batch, int64_t rows, int64_t most) {
  std::vector<Microbatch> parts;
  for (size_t i = 0; i < batch.n_seqs(); ++i) {
    const int64_t length = batch.length(i);
    const int64_t so_far = parts.empty() ? 0 : parts.back().n_rows;
    if (parts.empty() || so_far + length > most || so_far + length - rows > rows - so_far) {
      parts.push_back({batch.offsets[i], 0, {}});
    }
    Microbatch& part = parts.back();
    part.spans.push_back({part.n_rows, length, part.n_rows, length});
    part.n_rows += length;
  }
  return parts;
}

// Rows of the thread that has most, when whoever is free takes the next part.
int64_t most_of_a_thread(const std::vector<Microbatch>& parts, int64_t n_threads) {
  std::vector<int64_t> taken(static_cast<size_t>(n_threads));  // a heap, the least on top
  for (const Microbatch& part : parts) {
    std::ranges::pop_heap(taken, std::greater{});
    taken.back() += part.n_rows;
    std::ranges::push_heap(taken, std::greater{});
  }
  return std::ranges::max(taken);
}

}  // namespace

std::vector<Microbatch> cut(const Batch& batch, int64_t rows) {
  return cut_near(batch, rows, rows);
}

std::vector<Microbatch> cut_for_threads(const Batch& batch, int64_t rows, int64_t n_threads) {
  const auto n_tokens = static_cast<int64_t>(batch.n_tokens());
  if (n_threads < 2 || n_tokens < n_threads * kLeastRows) return {};
  const int64_t rounds = (n_tokens - 1) / (n_threads * rows) + 1;
  const int64_t even = (n_tokens - 1) / (n_threads * rounds) + 1;
  std::vector<Microbatch> parts = cut_near(batch, even, rows);
  std::ranges::stable_sort(parts, std::greater{}, &Microbatch::n_rows);
  const auto busy = static_cast<double>(n_tokens);
  const auto whole = static_cast<double>(most_of_a_thread(parts, n_threads) * n_threads);
  if (whole - busy > kMostIdle * whole) parts.clear();
  return parts;
}

}  // namespace lode::model
