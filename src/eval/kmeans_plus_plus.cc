#include "eval/kmeans_plus_plus.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/error.h"
#include "eval/vector_sums.h"

namespace lode::eval {
namespace {

class Seeding {
 public:
  Seeding(ThreadPool& pool, std::span<const float> vectors, int64_t n_dims, std::span<const uint32_t> rows)
      : pool_(pool), vectors_(vectors), n_dims_(n_dims), rows_(rows), norms_(rows.size()) {
    for_points([&](size_t i) { norms_[i] = dot_product(point(i), point(i), n_dims_); });
  }

  // distances [n_points] = the squared distance of each point from `centre`, but at most what is in `most` [n_points].
  // Returns their sum.
  double distances_to(size_t centre, const std::vector<float>& most, std::vector<float>& distances) {
    distances.resize(rows_.size());
    for_points([&](size_t i) {
      const double squared = -2 * dot_product(point(centre), point(i), n_dims_) + norms_[centre] + norms_[i];
      distances[i] = std::min(most[i], std::max(static_cast<float>(squared), 0.0F));
    });
    double sum = 0;
    for (const float distance : distances) sum += static_cast<double>(distance);
    return sum;
  }

 private:
  [[nodiscard]] const float* point(size_t i) const { return vectors_.data() + rows_[i] * static_cast<size_t>(n_dims_); }

  template <class Body>
  void for_points(const Body& body) {
    constexpr size_t kBlock = 64;
    pool_.for_each((rows_.size() + kBlock - 1) / kBlock, [&](size_t block, int) {
      for (size_t i = block * kBlock; i < std::min((block + 1) * kBlock, rows_.size()); ++i) body(i);
    });
  }

  ThreadPool& pool_;
  std::span<const float> vectors_;
  int64_t n_dims_;
  std::span<const uint32_t> rows_;
  std::vector<double> norms_;
};

}  // namespace

std::vector<uint32_t> kmeans_plus_plus(ThreadPool& pool, std::span<const float> vectors, int64_t n_dims,
                                       std::span<const uint32_t> rows, int n_centres, NumpyRandom& random) {
  LODE_CHECK(n_centres > 0 && !rows.empty());
  const int n_trials = 2 + static_cast<int>(std::log(n_centres));
  Seeding seeding(pool, vectors, n_dims, rows);
  const size_t n = rows.size();
  // p = weights / their sum, in f32.
  const std::vector<double> equal(n, static_cast<double>(1.0F / static_cast<float>(n)));
  std::vector<uint32_t> out = {static_cast<uint32_t>(random.choice(NumpyRandom::cumulative(equal)))};
  std::vector<float> closest;
  const std::vector<float> no_limit(n, std::numeric_limits<float>::infinity());
  double potential = seeding.distances_to(out[0], no_limit, closest);
  std::vector<float> running(n), distances, best;
  std::vector<double> draws(static_cast<size_t>(n_trials));
  while (std::ssize(out) < n_centres) {
    float sum = 0;
    for (size_t i = 0; i < n; ++i) running[i] = sum += closest[i];
    // All draws come before any is used.
    for (double& draw : draws) draw = random.uniform() * static_cast<double>(static_cast<float>(potential));
    uint32_t chosen = 0;
    double least = std::numeric_limits<double>::infinity();
    for (const double draw : draws) {
      const auto found = std::ranges::lower_bound(running, draw, {}, [](float v) { return static_cast<double>(v); });
      const auto candidate = static_cast<size_t>(std::min(found - running.begin(), std::ssize(running) - 1));
      const double left = seeding.distances_to(candidate, closest, distances);
      if (left < least) {
        least = left;
        chosen = static_cast<uint32_t>(candidate);
        best.swap(distances);
      }
    }
    out.push_back(chosen);
    closest.swap(best);
    potential = least;
  }
  return out;
}

}  // namespace lode::eval
