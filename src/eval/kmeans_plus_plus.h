// The greedy k-means++ start of scikit-learn: each new centre is the best of 2 + ln k points that were drawn by their
// squared distance to the nearest centre so far. Squared distances come from double precision and are kept as f32,
// running sums are f32, as there, so that the same draws fall on the same points.
// Source: scikit-learn 1.9, sklearn/cluster/_kmeans.py, _kmeans_plusplus.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "eval/numpy_random.h"

namespace lode::eval {

// vectors: row-major, n_dims wide; rows: the points, places in it, at least one, repeats allowed. -> [n_centres] places
// in `rows`; the same point may come twice where there are fewer different ones.
std::vector<uint32_t> kmeans_plus_plus(ThreadPool& pool, std::span<const float> vectors, int64_t n_dims,
                                       std::span<const uint32_t> rows, int n_centres, NumpyRandom& random);

}  // namespace lode::eval
