#include "index/hybrid_ranker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

namespace lode::index {
namespace {

constexpr size_t kFirstDense = 10;  // files that the vectors bring in themselves
// Of a standard deviation of the cosines, in units of the ranker's score. Chosen on commits of eleven repositories,
// where anything from 0.3 to 1 does as well.
constexpr double kDenseWeight = 0.6;

void add_first(std::span<const double> scores, size_t n, std::vector<uint32_t>& out) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  n = std::min(n, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(n), [&](uint32_t a, uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  out.insert(out.end(), order.begin(), order.begin() + static_cast<ptrdiff_t>(n));
}

}  // namespace

double file_cosine(std::span<const float> chunks) {
  std::array<float, kHybridChunks> best{};  // descending
  size_t n = 0;
  for (float value : chunks) {
    if (value < -1.5F) continue;
    for (size_t i = 0; i < n; ++i) {
      if (value > best[i]) std::swap(value, best[i]);
    }
    if (n < best.size()) best[n++] = value;
  }
  if (n == 0) return kNoCosine;
  return std::accumulate(best.begin(), best.begin() + static_cast<ptrdiff_t>(n), 0.0) / static_cast<double>(n);
}

std::vector<double> hybrid_scores(std::span<const double> lexical, std::span<const double> cosines) {
  std::vector<double> out(lexical.begin(), lexical.end());
  std::vector<uint32_t> pool;
  add_first(lexical, kHybridFiles, pool);
  add_first(cosines, kFirstDense, pool);
  std::ranges::sort(pool);
  pool.erase(std::ranges::unique(pool).begin(), pool.end());
  std::erase_if(pool, [&](uint32_t file) { return cosines[file] <= kNoCosine; });
  const auto n = static_cast<double>(pool.size());
  double mean = 0, variance = 0;
  for (const uint32_t file : pool) mean += cosines[file] / n;
  for (const uint32_t file : pool) variance += (cosines[file] - mean) * (cosines[file] - mean) / n;
  if (pool.size() < 2 || variance <= 0) return out;
  for (const uint32_t file : pool) out[file] += kDenseWeight * (cosines[file] - mean) / std::sqrt(variance);
  return out;
}

}  // namespace lode::index
