#include "index/hybrid_ranker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>

namespace lode::index {
namespace {

constexpr size_t kFirstLexical = 20;  // files that the vectors may move
constexpr size_t kFirstDense = 10;    // and such as they bring in themselves
constexpr double kDenseWeight = 0.6;  // of a standard deviation of the cosines, in units of the ranker's score

template <class Score>
void add_first(size_t n_files, size_t n, std::vector<uint32_t>& out, Score score) {
  std::vector<uint32_t> order(n_files);
  std::iota(order.begin(), order.end(), 0U);
  n = std::min(n, n_files);
  std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(n), std::ranges::greater{}, score);
  out.insert(out.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(n));
}

}  // namespace

DenseEvidence dense_evidence(std::span<const float> cosines) {
  std::array<float, 3> best{};  // descending
  size_t n = 0;
  for (float value : cosines) {
    if (value < -1) continue;
    for (size_t i = 0; i < n; ++i) {
      if (value > best[i]) std::swap(value, best[i]);
    }
    if (n < best.size()) best[n++] = value;
  }
  if (n == 0) return {};
  return {
      .best = best[0],
      .top3 = std::accumulate(best.begin(), best.begin() + static_cast<ptrdiff_t>(n), 0.0F) / static_cast<float>(n)};
}

std::vector<double> hybrid_scores(std::span<const double> lexical, std::span<const DenseEvidence> dense) {
  std::vector<double> out(lexical.begin(), lexical.end());
  const auto has_vectors = [&](uint32_t file) { return dense[file].best >= -1; };
  const auto cosine = [&](uint32_t file) { return (static_cast<double>(dense[file].best) + dense[file].top3) / 2; };
  std::vector<uint32_t> pool;
  add_first(lexical.size(), kFirstLexical, pool, [&](uint32_t file) { return lexical[file]; });
  add_first(lexical.size(), kFirstDense, pool, cosine);
  std::ranges::sort(pool);
  pool.erase(std::ranges::unique(pool).begin(), pool.end());
  std::erase_if(pool, [&](uint32_t file) { return !has_vectors(file); });
  if (pool.size() < 2) return out;

  const auto n = static_cast<double>(pool.size());
  double mean = 0, variance = 0;
  for (const uint32_t file : pool) mean += cosine(file) / n;
  for (const uint32_t file : pool) variance += (cosine(file) - mean) * (cosine(file) - mean) / n;
  if (variance <= 0) return out;
  for (const uint32_t file : pool) out[file] += kDenseWeight * (cosine(file) - mean) / std::sqrt(variance);
  return out;
}

}  // namespace lode::index
